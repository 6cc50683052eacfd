/** Writing a comment on a file: what is said, how grave it is, of which violation, and where. */

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError, type Detail } from '../api/call';
import { addComment, type Comment, type CommentInput, changeComment } from '../api/files';
import { SEVERITIES, type Severity } from '../api/severity';
import { Button, IconButton } from '../parts/button';
import { Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { say as sayPart } from '../parts/words';
import { say } from './reviewwords';
import { clockOf, secondsOf } from './seconds';
import { severityText } from './severity';
import { ViolationField } from './violations';

/** What is being written: of an old comment, or of a new one that begins at a moment. */
export interface Draft {
  comment: Comment | null;
  fromS: number | null;
  toS: number | null;
}

interface FormProps {
  refer: string;
  draft: Draft;
  /** The moment that is shown now, in seconds; null where the file has none. */
  nowS: (() => number) | null;
  onDone: (comment: Comment) => void;
  onCancel: () => void;
}

const timeText = (seconds: number | null): string => (seconds === null ? '' : clockOf(seconds, 2));

function wrongTimes(from: string, to: string): { from: string; to: string } {
  const [startS, endS] = [secondsOf(from), secondsOf(to)];
  const wrong = (seconds: number | null) => (Number.isNaN(seconds) ? say('wrongTime') : '');
  const isTurned = startS !== null && endS !== null && endS < startS;
  return { from: wrong(startS), to: wrong(endS) || (isTurned ? say('wrongOrder') : '') };
}

interface TimesProps {
  form: Drafted;
  /** What the service has against one of them. */
  said: (name: string) => Detail[];
  nowS: FormProps['nowS'];
}

/** Begin and end within the film, each with a button that puts the moment shown into it. */
function Times({ form, said, nowS }: TimesProps) {
  const edges = [
    { name: 'from', nowLabel: 'nowAsBegin', refused: said('start'), set: form.setFrom },
    { name: 'to', nowLabel: 'nowAsEnd', refused: said('end'), set: form.setTo },
  ] as const;
  return (
    <>
      {edges.map(({ name, nowLabel, refused, set }) => (
        <div key={name} class="files-time">
          <Field label={say(name)} error={form.wrong[name] || refused}>
            <input
              class="numbers"
              inputMode="decimal"
              placeholder="1:05"
              title={say('timeHint')}
              value={form[name]}
              onInput={(event) => set(event.currentTarget.value)}
            />
          </Field>
          {nowS && <IconButton icon="clock" label={say(nowLabel)} onClick={() => set(timeText(nowS()))} />}
        </div>
      ))}
    </>
  );
}

function useDraft({ comment, fromS, toS }: Draft) {
  const [text, setText] = useState(comment?.comment ?? '');
  const [severity, setSeverity] = useState<Severity>(comment?.severity ?? '----');
  const [violation, setViolation] = useState(comment?.violation ?? '');
  const [from, setFrom] = useState(timeText(comment ? comment.start : fromS));
  const [to, setTo] = useState(timeText(comment ? comment.end : toS));
  const wrong = wrongTimes(from, to);
  const times = { start: secondsOf(from), end: secondsOf(to) };
  const input: CommentInput = { comment: text, severity, violation: violation.trim() || null, ...times };
  const isWhole = text.trim() !== '' && !wrong.from && !wrong.to;
  const set = { setText, setSeverity, setViolation, setFrom, setTo };
  return { text, severity, violation, from, to, ...set, wrong, input, isWhole };
}

type Drafted = ReturnType<typeof useDraft>;

/** Stores what is whole, once however often it is asked to. */
function useSaving({ refer, draft, onDone }: FormProps, { input, isWhole }: Drafted) {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const save = async () => {
    if (!isWhole || isBusy) return;
    setBusy(true);
    try {
      onDone(await (draft.comment ? changeComment(draft.comment.id, input) : addComment(refer, input)));
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  const said = (name: string) => (error instanceof ApiError ? error.of(name) : []);
  return { error, isBusy, save, said };
}

function SeverityChoice({ value, onChange }: { value: Severity; onChange: (severity: Severity) => void }) {
  return (
    <Field label={say('severity')}>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as Severity)}>
        {SEVERITIES.map((severity) => (
          <option key={severity} value={severity}>
            {severityText(severity)}
          </option>
        ))}
      </select>
    </Field>
  );
}

function Words({ form, said }: Pick<TimesProps, 'form' | 'said'>) {
  const box = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => box.current?.focus(), []); // at once: what is typed next belongs here
  return (
    <Field label={say('comment')} error={said('comment')}>
      <textarea
        ref={box}
        rows={3}
        maxLength={10_000}
        dir="auto"
        value={form.text}
        onInput={(event) => form.setText(event.currentTarget.value)}
      />
    </Field>
  );
}

export function CommentForm(props: FormProps) {
  const { draft, nowS, onCancel } = props;
  const form = useDraft(draft);
  const { error, isBusy, save, said } = useSaving(props, form);
  const hear = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onCancel();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void save();
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void save();
  };
  const name = say(draft.comment ? 'editComment' : 'newComment');
  return (
    <form class="files-comment-form" aria-label={name} onKeyDown={hear} onSubmit={submit}>
      <Words form={form} said={said} />
      <div class="files-comment-row">
        <SeverityChoice value={form.severity} onChange={form.setSeverity} />
        <Times form={form} said={said} nowS={nowS} />
      </div>
      <ViolationField value={form.violation} onChange={form.setViolation} />
      <ErrorText error={error} placed={['comment', 'start', 'end']} />
      <div class="row">
        <Button type="submit" kind="main" disabled={!form.isWhole || isBusy}>
          {sayPart('save')}
        </Button>
        <Button kind="quiet" onClick={onCancel}>
          {sayPart('cancel')}
        </Button>
      </div>
    </form>
  );
}
