/** The film, its track, and beside them what was found and said, all at one moment. */

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Comment, HandedFile, Report } from '../api/files';
import { removeComment } from '../api/files';
import type { Severity } from '../api/severity';
import { type KeyHint, useKeys } from '../keys';
import { may } from '../me';
import { IconButton } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { language } from '../words';
import { CommentForm, type Draft } from './commentform';
import { MarkFilters, MarkList } from './marklist';
import { atOf, filtered, type Mark, type MarkFilter, marksOf, NO_FILTER, neighbour, violationsIn } from './marks';
import type { OpenedFile } from './opened';
import { Controls, DownloadLink, Screen, shapeOf } from './player';
import { Playing } from './playing';
import { say } from './reviewwords';
import { spanOf } from './seconds';
import { TimelineLink } from './timelinelink';
import { Track } from './track';

interface ReviewProps {
  opened: OpenedFile;
  file: HandedFile;
  report: Report;
}

function countsOf(marks: readonly Mark[]): Partial<Record<Severity, number>> {
  const counts: Partial<Record<Severity, number>> = {};
  for (const { severity } of marks) counts[severity] = (counts[severity] ?? 0) + 1;
  return counts;
}

/** All marks of the file, those that meet the filter, and what filters can be. */
function useMarks(report: Report) {
  const filter = useSignal<MarkFilter>(NO_FILTER);
  const { findings, comments } = report;
  const all = useMemo(() => marksOf(findings, comments), [findings, comments]);
  const shown = useMemo(() => filtered(all, filter.value), [all, filter.value]);
  const about = useMemo(() => ({ violations: violationsIn(all), counts: countsOf(all) }), [all]);
  return { filter, all, shown, ...about };
}

function RemoveDialog({ comment, onClose, onDone }: { comment: Comment; onClose: () => void; onDone: () => void }) {
  return (
    <Confirm
      title={say('removeTitle')}
      action={say('remove')}
      act={() => removeComment(comment.id)}
      onClose={onClose}
      onDone={onDone}
    >
      <blockquote class="files-said" dir="auto">
        {comment.comment}
      </blockquote>
      <p class="muted">{say('removeText')}</p>
    </Confirm>
  );
}

interface Acts {
  playing: Playing;
  jump: (step: 1 | -1) => void;
  comment: () => void;
  markFrom: () => void;
  markTo: () => void;
}

/** The keys of the page; those that write are there for who may write. */
function keysOf(acts: () => Acts, hasFilm: boolean): KeyHint[] {
  const film: KeyHint[] = [
    { keys: 'space', hint: `${say('play')} / ${say('pause')}`, act: () => acts().playing.toggle() },
    { keys: 'ArrowLeft', hint: say('back5'), act: () => acts().playing.skip(-5) },
    { keys: 'ArrowRight', hint: say('on5'), act: () => acts().playing.skip(5) },
    { keys: ',', hint: say('frameBack'), act: () => acts().playing.step(-1) },
    { keys: '.', hint: say('frameOn'), act: () => acts().playing.step(1) },
    { keys: 'p', hint: say('markBack'), act: () => acts().jump(-1) },
    { keys: 'n', hint: say('markOn'), act: () => acts().jump(1) },
  ];
  const span: KeyHint[] = [
    { keys: '[', hint: say('spanFrom'), act: () => acts().markFrom() },
    { keys: ']', hint: say('spanTo'), act: () => acts().markTo() },
  ];
  const write: KeyHint[] = [{ keys: 'c', hint: say('commentHere'), act: () => acts().comment() }];
  const mayWrite = may('operator');
  return [...(hasFilm ? film : []), ...(hasFilm && mayWrite ? span : []), ...(mayWrite ? write : [])];
}

/** Begin and end of a span that a comment is to be on; null: not chosen. */
interface ChosenSpan {
  fromS: number | null;
  toS: number | null;
}
const NO_SPAN: ChosenSpan = { fromS: null, toS: null };

function useWriting(opened: OpenedFile, playing: Playing, hasFilm: boolean) {
  const draft = useSignal<Draft | null>(null);
  const span = useSignal<ChosenSpan>(NO_SPAN);
  const begin = (comment: Comment | null) => {
    playing.pause();
    const nowS = hasFilm ? playing.timeS.peek() : null;
    const { fromS, toS } = span.peek();
    draft.value = comment || fromS !== null ? { comment, fromS, toS } : { comment, fromS: nowS, toS };
  };
  const end = () => {
    draft.value = null;
    span.value = NO_SPAN;
  };
  const done = () => {
    end();
    toast(say('saidCommented'));
    void opened.refresh('report');
  };
  const markFrom = () => {
    const fromS = playing.timeS.peek();
    const { toS } = span.peek();
    span.value = { fromS, toS: toS !== null && toS < fromS ? null : toS };
  };
  const markTo = () => {
    const toS = playing.timeS.peek();
    const { fromS } = span.peek();
    span.value = { fromS: fromS !== null && fromS > toS ? null : fromS, toS };
  };
  return { draft, span, begin, end, done, markFrom, markTo };
}

/** Where the focus was before a form was opened gets it back. */
function useFocusBack(isOpen: boolean): void {
  const before = useRef<Element | null>(null);
  useEffect(() => {
    if (isOpen) return;
    const { current } = before;
    if (current instanceof HTMLElement && current.isConnected) current.focus();
    before.current = null;
  }, [isOpen]);
  if (isOpen && before.current === null) before.current = document.activeElement;
}

type Writing = ReturnType<typeof useWriting>;
type Marks = ReturnType<typeof useMarks>;

interface StageProps {
  file: HandedFile;
  playing: Playing;
  marks: Marks;
  writing: Writing;
  hasFilm: boolean;
  jump: (step: 1 | -1) => void;
  jumpTo: (mark: Mark | null) => void;
}

function Stage({ file, playing, marks, writing, hasFilm, jump, jumpTo }: StageProps) {
  const span = writing.span.value;
  return (
    <div class="files-stage">
      <div class="files-screen">
        <Screen file={file} playing={playing} />
      </div>
      {hasFilm && !playing.isRefused.value && (
        <Controls
          playing={playing}
          hasVideo={shapeOf(file) === 'video'}
          onMark={jump}
          onComment={may('operator') ? () => writing.begin(null) : null}
        />
      )}
      {hasFilm && <Track marks={marks.shown} playing={playing} span={span} onJump={jumpTo} />}
      <Below file={file} playing={playing} span={span} onClear={writing.end} />
    </div>
  );
}

interface AsideProps {
  file: HandedFile;
  report: Report;
  playing: Playing;
  marks: Marks;
  writing: Writing;
  canPlay: boolean;
  jumpTo: (mark: Mark | null) => void;
  onRemove: (comment: Comment) => void;
}

function Aside({ file, report, playing, marks, writing, canPlay, jumpTo, onRemove }: AsideProps) {
  const { filter, all, shown, violations, counts } = marks;
  const mayWrite = may('operator');
  const draft = writing.draft.value;
  const choose = (value: MarkFilter) => {
    filter.value = value;
  };
  return (
    <aside class="panel files-aside" aria-label={say('marks')}>
      <div class="row">
        <h2>{say('marks')}</h2>
        <span class="spring" />
        {mayWrite && !draft && <IconButton icon="plus" label={say('newComment')} onClick={() => writing.begin(null)} />}
      </div>
      {draft && (
        <CommentForm
          key={draft.comment?.id ?? 'new'}
          refer={file.refer}
          draft={draft}
          nowS={canPlay ? () => playing.timeS.peek() : null}
          onDone={writing.done}
          onCancel={writing.end}
        />
      )}
      {all.length > 1 && (
        <MarkFilters filter={filter.value} violations={violations} counts={counts} onChange={choose} />
      )}
      <MarkList
        marks={shown}
        total={all.length + report.findings_left_out + report.comments_left_out}
        playing={playing}
        onClear={choose}
        onJump={canPlay ? jumpTo : null}
        onEdit={mayWrite ? writing.begin : null}
        onRemove={mayWrite ? onRemove : null}
      />
    </aside>
  );
}

export function Review({ opened, file, report }: ReviewProps) {
  const shape = shapeOf(file);
  const hasFilm = (shape === 'video' || shape === 'audio') && file.completed_utc !== null;
  const playing = useMemo(() => new Playing(file.duration_s), [file.id]);
  const marks = useMarks(report);
  const writing = useWriting(opened, playing, hasFilm);
  const removing = useSignal<Comment | null>(null);
  const jumpTo = (mark: Mark | null) => {
    const atS = mark && atOf(mark);
    if (atS !== null) playing.seek(atS);
  };
  const jump = (step: 1 | -1) => jumpTo(neighbour(marks.shown, playing.timeS.peek(), step));
  const { markFrom, markTo } = writing;
  const now: Acts = { playing, jump, comment: () => writing.begin(null), markFrom, markTo };
  const acts = useRef(now);
  acts.current = now;
  useKeys(useMemo(() => keysOf(() => acts.current, hasFilm), [hasFilm, language.value]));
  useFocusBack(writing.draft.value !== null);
  const close = () => {
    removing.value = null;
  };
  const removed = () => {
    close();
    toast(say('saidRemoved'));
    void opened.refresh('report');
  };
  const remove = (comment: Comment) => {
    removing.value = comment;
  };
  const canPlay = hasFilm && !playing.isRefused.value;
  const shared = { file, playing, marks, writing, jumpTo };
  return (
    <div class="files-review">
      <Stage {...shared} hasFilm={hasFilm} jump={jump} />
      <Aside {...shared} report={report} canPlay={canPlay} onRemove={remove} />
      {removing.value && <RemoveDialog comment={removing.value} onClose={close} onDone={removed} />}
    </div>
  );
}

interface BelowProps {
  file: HandedFile;
  playing: Playing;
  span: ChosenSpan;
  onClear: () => void;
}

/** Ways from here: the recordings at this moment, the file itself; and the span that a comment will be on. */
function Below({ file, playing, span, onClear }: BelowProps) {
  const text = span.fromS === null && span.toS === null ? '' : spanOf(span.fromS, span.toS);
  return (
    <div class="row">
      {file.kind === 'footage' && <TimelineLink file={file} playing={playing} />}
      {file.completed_utc !== null && <DownloadLink file={file} />}
      <span class="spring" />
      <span class="small" role="status">
        {text && say('markedSpan', { span: text })}
      </span>
      {text && <IconButton icon="close" label={sayPart('cancel')} onClick={onClear} />}
    </div>
  );
}
