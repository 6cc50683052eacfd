import { useSignalEffect } from '@preact/signals';
import { useState } from 'preact/hooks';
import { cameraName } from '../cameras';
import { momentText, spanText } from '../instants';
import { may } from '../me';
import { areLanesDrawn, chosen, marks, player } from '../moment';
import { IconButton } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { Link } from '../parts/link';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { type Kept, kept, keptError, refreshKept, undo } from './kept';
import { say } from './keptwords';
import { say as sayForm } from './takewords';

const KINDS = ['pin', 'share', 'file', 'export'] as const;
const TITLES = { pin: 'pins', share: 'shares', file: 'files', export: 'exports' } as const;
const UNDO = { pin: 'release', share: 'revoke', file: 'remove' } as const;
const QUESTIONS = { pin: 'releaseQuestion', share: 'revokeQuestion', file: 'removeQuestion' } as const;
const ANSWERS = { pin: 'yesRelease', share: 'yesRevoke', file: 'yesRemove' } as const;

const titleOf = (one: Kept): string => (one.form ? sayForm(one.form) : one.what);
const nameOf = (one: Kept): string => titleOf(one) || cameraName(one.sourceId);

function factsOf({ who, expiresMs, share }: Kept): string {
  const count = share?.count ?? null;
  const facts = [
    say('by', { who }),
    expiresMs !== null && say('until', { time: momentText(expiresMs) }),
    share && (count === null ? say('usesFree', { n: share.uses }) : say('usesOf', { uses: share.uses, count })),
    share?.has_password && say('withPassword'),
    share?.may_download && say('withDownload'),
  ];
  return facts.filter(Boolean).join(' · ');
}

function UndoDialog({ one, onClose }: { one: Kept; onClose: () => void }) {
  if (one.kind === 'export') return null;
  return (
    <Confirm
      title={nameOf(one)}
      action={say(ANSWERS[one.kind])}
      act={() => undo(one)}
      onClose={onClose}
      onDone={() => toast(sayPart('done'))}
    >
      <p>{say(QUESTIONS[one.kind])}</p>
    </Confirm>
  );
}

function show({ startMs, endMs }: Kept): void {
  marks.value = { inMs: startMs, outMs: endMs };
  player.goTo(startMs);
}

function Line({ one, onUndo }: { one: Kept; onUndo: () => void }) {
  const { kind, id, sourceId, startMs, endMs } = one;
  const [title, name] = [titleOf(one), nameOf(one)];
  return (
    <li class="clips-kept">
      <div>
        {title &&
          (kind === 'file' ? (
            <Link page="files" query={{ file: id }}>
              {title}
            </Link>
          ) : (
            <b>{title}</b>
          ))}
        <p class="small">
          {cameraName(sourceId)} · {spanText(startMs, endMs)}
        </p>
        <p class="small muted">{factsOf(one)}</p>
      </div>
      <div class="row">
        <IconButton icon="play" label={say('show', { what: name })} onClick={() => show(one)} />
        {kind !== 'export' && may('operator') && (
          <IconButton icon="bin" label={say(UNDO[kind], { what: name })} onClick={onUndo} />
        )}
      </div>
    </li>
  );
}

/** What was done with footage of the cameras shown. */
export function KeptList() {
  const [undone, setUndone] = useState<Kept | null>(null);
  useSignalEffect(() => {
    if (areLanesDrawn.value) refreshKept();
  });
  const shown = kept.value.filter((one) => chosen.value.includes(one.sourceId));
  return (
    <section class="stack" aria-label={say('title')}>
      <h3>{say('title')}</h3>
      <ErrorText error={keptError.value} />
      {shown.length === 0 && <p class="small muted">{say('none')}</p>}
      {KINDS.map((kind) => {
        const own = shown.filter((one) => one.kind === kind);
        return (
          own.length > 0 && (
            <details key={kind} class="clips-kind">
              <summary>{say(TITLES[kind], { n: own.length })}</summary>
              <ul>
                {own.map((one) => (
                  <Line key={one.id} one={one} onUndo={() => setUndone(one)} />
                ))}
              </ul>
            </details>
          )
        );
      })}
      {undone && <UndoDialog one={undone} onClose={() => setUndone(null)} />}
    </section>
  );
}
