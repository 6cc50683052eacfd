/** The uploads of this browser, each with what it does now and what can be done with it. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { bytesText, durationText, momentText } from '../instants';
import { Button, IconButton } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { Link } from '../parts/link';
import { Refused } from '../parts/refused';
import { CinemaOf } from './cinemaform';
import { discard, findLeftovers, isSame, type Leftover, leftovers } from './leftovers';
import { addFiles, cancel, dismiss, goOn, mostBytes, pause, type UploadItem, uploads } from './queue';
import { announce } from './said';
import { say } from './words';

const STEP_PERCENT = 25;
const percentOf = (part: number, whole: number): number => (whole ? Math.floor((part / whole) * 100) : 100);

/** What is to be said of an upload as it is now: the same text as before is not said again. */
function spoken({ file, state, sentBytes }: UploadItem): string {
  const { name } = file;
  const percent = Math.floor(percentOf(sentBytes, file.size) / STEP_PERCENT) * STEP_PERCENT;
  if (state === 'running') return percent ? say('saidPercent', { name, percent }) : say('saidStart', { name });
  const texts = { done: 'saidDone', waiting: 'saidWaiting', failed: 'saidFailed' } as const;
  return state in texts ? say(texts[state as keyof typeof texts], { name }) : '';
}

/** Say begin, quarters, interruptions and end of each upload once. */
function useAnnouncements(): void {
  const before = useRef(new Map<number, string>());
  useEffect(
    () =>
      uploads.subscribe((items) => {
        for (const item of items) {
          const text = spoken(item);
          if (text && before.current.get(item.key) !== text) announce(text);
          before.current.set(item.key, text);
        }
      }),
    [],
  );
}

/** Of which this page itself says more than the words for all pages do. */
const TOLD = [
  'no_service',
  'unreadable',
  'storage_full',
  'user_limit',
  'taken_over',
  'deleted',
  'unauthorised',
] as const;

function problemText({ doubt, error }: UploadItem): string {
  const most = mostBytes.value === null ? '' : bytesText(mostBytes.value);
  if (doubt) return say(doubt, { most });
  const known = TOLD.find((type) => type === error?.type);
  return known ? say(known) : '';
}

/** What went wrong with an upload. A refusal that waits for the next attempt is said quietly. */
function Problem({ item }: { item: UploadItem }) {
  const { error, state } = item;
  const text = problemText(item);
  if (!text && !error) return null;
  return (
    <p class={state === 'waiting' ? 'small muted' : 'error-text'}>{text || (error && <Refused entries={[error]} />)}</p>
  );
}

/** "12 MB of 40 MB · 3 MB/s · 9 sec left". */
function movingText({ file, sentBytes, perSecond, leftMs, state }: UploadItem): string {
  const parts = [say('progress', { sent: bytesText(sentBytes), total: bytesText(file.size) })];
  if (state === 'running' && perSecond) parts.push(say('speed', { speed: bytesText(perSecond) }));
  if (state === 'running' && leftMs !== null)
    parts.push(say('left', { time: durationText(Math.ceil(Math.max(1000, leftMs) / 1000) * 1000) }));
  return parts.join(' · ');
}

function Actions({ item, onCancel }: { item: UploadItem; onCancel: () => void }) {
  const { key, state, doubt, file } = item;
  const { name } = file;
  const isOver = state === 'done' || state === 'doubtful';
  return (
    <div class="row">
      {(state === 'running' || state === 'waiting' || state === 'queued') && (
        <IconButton icon="pause" label={say('pause', { name })} onClick={() => void pause(key)} />
      )}
      {(state === 'paused' || state === 'failed') && (
        <IconButton icon="play" label={say('goOn', { name })} onClick={() => goOn(key)} />
      )}
      {doubt === 'type' && <Button onClick={() => goOn(key)}>{say('sendAnyway')}</Button>}
      {state === 'done' && item.fileId !== null && (
        <Link class="button" page="files" query={{ file: String(item.fileId) }}>
          {say('open')}
        </Link>
      )}
      {!isOver && <IconButton icon="bin" label={say('cancel', { name })} onClick={onCancel} />}
      {(isOver || state === 'failed') && (
        <IconButton icon="close" label={say('dismiss', { name })} onClick={() => dismiss(key)} />
      )}
    </div>
  );
}

function CancelDialog({ item, onClose }: { item: UploadItem; onClose: () => void }) {
  return (
    <Confirm
      title={say('cancelTitle')}
      action={say('cancelYes')}
      cancel={say('cancelNo')}
      act={() => cancel(item.key)}
      onClose={onClose}
    >
      <p>{say('cancelText', { sent: bytesText(item.sentBytes), name: item.file.name })}</p>
    </Confirm>
  );
}

/** How far it is, and from where it went on. */
function Sent({ item }: { item: UploadItem }) {
  const { file, state, sentBytes, resumedBytes } = item;
  return (
    <>
      {state !== 'doubtful' && (
        <progress aria-label={say('progressOf', { name: file.name })} max={file.size} value={sentBytes} />
      )}
      <p class="small muted numbers">{movingText(item)}</p>
      {resumedBytes !== null && resumedBytes > 0 && (
        <p class="small">
          {say('resumed', { percent: percentOf(resumedBytes, file.size), there: bytesText(resumedBytes) })}
        </p>
      )}
    </>
  );
}

function UploadRow({ item }: { item: UploadItem }) {
  const isCancelling = useSignal(false);
  const { file, state, fileId } = item;
  return (
    <li class="files-upload" data-state={state}>
      <div class="row">
        <strong class="files-name">
          <bdi>{file.name}</bdi>
        </strong>
        <span class="badge">{say(state)}</span>
        <span class="spring" />
        <Actions
          item={item}
          onCancel={() => {
            isCancelling.value = true;
          }}
        />
      </div>
      <Sent item={item} />
      <Problem item={item} />
      {fileId !== null && (
        <details>
          <summary>{say('analysis')}</summary>
          <p class="small muted">{say('analysisHint')}</p>
          <CinemaOf fileId={fileId} />
        </details>
      )}
      {isCancelling.value && (
        <CancelDialog
          item={item}
          onClose={() => {
            isCancelling.value = false;
          }}
        />
      )}
    </li>
  );
}

function LeftProgress({ left: { name, sizeBytes, file } }: { left: Leftover }) {
  const percent = percentOf(file.received_bytes, sizeBytes);
  return (
    <>
      <progress aria-label={say('progressOf', { name })} max={sizeBytes} value={file.received_bytes} />
      <p class="small muted numbers">
        {say('leftHas', { percent, there: bytesText(file.received_bytes), total: bytesText(sizeBytes) })}
        {file.expires_utc && ` · ${say('leftUntil', { time: momentText(Date.parse(file.expires_utc)) })}`}
      </p>
    </>
  );
}

function LeftRow({ left }: { left: Leftover }) {
  const input = useRef<HTMLInputElement>(null);
  const problem = useSignal('');
  const { name, sizeBytes } = left;
  const took = (chosen: File | undefined) => {
    if (!chosen) return;
    if (!isSame(left, chosen)) {
      const sizes = { total: bytesText(sizeBytes), size: bytesText(chosen.size) };
      problem.value = say('other', { name, chosen: chosen.name, ...sizes });
      return;
    }
    leftovers.value = leftovers.value.filter((one) => one !== left);
    void addFiles([chosen]);
  };
  const drop = () =>
    discard(left).catch((error: Error) => {
      problem.value = error.message;
    });
  return (
    <li class="files-upload">
      <div class="row">
        <strong class="files-name">
          <bdi>{name}</bdi>
        </strong>
        <span class="spring" />
        <Button icon="play" onClick={() => input.current?.click()}>
          {say('again', { name })}
        </Button>
        <input ref={input} type="file" hidden onChange={(event) => took(event.currentTarget.files?.[0])} />
        <IconButton icon="bin" label={say('discard', { name })} onClick={drop} />
      </div>
      <LeftProgress left={left} />
      <p class="error-text" role="alert">
        {problem.value}
      </p>
    </li>
  );
}

/** Uploads that run, and those that were broken off before the page was loaded. */
export function Uploads() {
  useAnnouncements();
  useEffect(() => {
    findLeftovers().catch(() => undefined); // the list beside says that the service does not answer
  }, []);
  const items = uploads.value;
  const left = leftovers.value.filter((one) => !items.some((item) => isSame(one, item.file)));
  return (
    <>
      {items.length > 0 && (
        <section class="panel stack" aria-labelledby="files-uploads">
          <div class="row">
            <h2 id="files-uploads">{say('uploads')}</h2>
            <span class="spring" />
            <span class="small muted">{say('staysOpen')}</span>
          </div>
          <ul class="stack">
            {items.map((item) => (
              <UploadRow key={item.key} item={item} />
            ))}
          </ul>
        </section>
      )}
      {left.length > 0 && (
        <section class="panel stack" aria-labelledby="files-left">
          <h2 id="files-left">{say('leftTitle')}</h2>
          <p class="muted">{say('leftText')}</p>
          <ul class="stack">
            {left.map((one) => (
              <LeftRow key={one.storageKey} left={one} />
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
