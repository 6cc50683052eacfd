/** The download key of a file, for operators: until when it is valid, who downloads now, giving it out and revoking. */

import { useSignal } from '@preact/signals';
import { Fragment } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type DownloadKey, restartKey, revokeKey } from '../api/files';
import { clockText, durationText, nowMs, numberText } from '../instants';
import { Button } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { sayCopied } from '../parts/copytext';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
import type { OpenedFile } from './opened';
import { say } from './panelwords';

const TICK_MS = 1000;
const LOOK_MS = 5000; // who downloads is told by no event

/** Now, once a second. */
function useNow(): number {
  const [now, setNow] = useState(nowMs());
  useEffect(() => {
    const timer = setInterval(() => setNow(nowMs()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function useLooking(opened: OpenedFile, isBusy: boolean): void {
  useEffect(() => {
    if (!isBusy) return;
    const timer = setInterval(() => document.visibilityState === 'visible' && void opened.refresh('key'), LOOK_MS);
    return () => clearInterval(timer);
  }, [opened, isBusy]);
}

function Address({ shown }: { shown: DownloadKey }) {
  const now = useNow();
  const field = useRef<HTMLInputElement>(null);
  const untilMs = Date.parse(shown.expires_utc ?? '');
  const endsMs = Date.parse(shown.rotation_ends_utc ?? '');
  const address = new URL(shown.download_url ?? '', location.origin).href;
  return (
    <>
      <p class="files-address">
        <input
          ref={field}
          class="code"
          readOnly
          aria-label={say('address')}
          value={address}
          onFocus={(event) => event.currentTarget.select()}
        />
        <Button icon="link" onClick={() => field.current && void sayCopied(field.current)}>
          {say('copy')}
        </Button>
      </p>
      <p class="numbers" aria-live="off">
        {say('keyUntil', {
          time: durationText(Math.ceil(Math.max(0, untilMs - now) / 1000) * 1000),
          clock: clockText(untilMs),
        })}
      </p>
      {Number.isFinite(endsMs) && <p class="small muted">{say('keyEnds', { clock: clockText(endsMs) })}</p>}
    </>
  );
}

export function KeyPanel({ opened, shown }: { opened: OpenedFile; shown: DownloadKey }) {
  const isRevoking = useSignal(false);
  const error = useSignal<unknown>(null);
  useLooking(opened, shown.rotation === 'running' || shown.downloading > 0 || shown.download_url !== null);
  const act = async (work: () => Promise<unknown>, said: string) => {
    try {
      await work();
      error.value = null;
      toast(said);
    } catch (reason) {
      error.value = reason;
    }
    await opened.refresh('key');
  };
  const counts = [
    ['downloading', shown.downloading],
    ['downloads', shown.downloads],
    ['users', shown.users],
  ] as const;
  const mayRevoke = shown.download_url !== null || shown.downloading > 0;
  return (
    <section class="panel stack" aria-labelledby="files-key">
      <h2 id="files-key">{say('key')}</h2>
      <p class="small muted">{say('keyText')}</p>
      {shown.download_url ? <Address shown={shown} /> : <p>{say('keyNone')}</p>}
      <dl class="files-facts">
        <dt>{say('keyRotation')}</dt>
        <dd>{say(shown.rotation ?? 'never')}</dd>
        {counts.map(([name, count]) => (
          <Fragment key={name}>
            <dt>{say(name)}</dt>
            <dd class="numbers">{numberText(count)}</dd>
          </Fragment>
        ))}
      </dl>
      <ErrorText error={error.value} />
      <div class="row">
        {!shown.download_url && (
          <Button onClick={() => void act(() => restartKey(opened.id), say('saidKey'))}>{say('restart')}</Button>
        )}
        {mayRevoke && (
          <Button
            kind="danger"
            onClick={() => {
              isRevoking.value = true;
            }}
          >
            {say('revoke')}
          </Button>
        )}
      </div>
      {isRevoking.value && (
        <Confirm
          title={say('revokeTitle')}
          action={say('revoke')}
          act={() => act(() => revokeKey(opened.id), say('saidRevoked'))}
          onClose={() => {
            isRevoking.value = false;
          }}
        >
          <p>{say('revokeText', { n: shown.downloading })}</p>
        </Confirm>
      )}
    </section>
  );
}
