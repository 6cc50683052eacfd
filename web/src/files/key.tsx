/** The download key of a file, for operators: until when it is valid, who downloads now, giving it out and revoking. */

import { useSignal } from '@preact/signals';
import { Fragment } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type DownloadKey, restartKey, revokeKey } from '../api/files';
import { clockText, durationText, momentText, nowMs, numberText } from '../instants';
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

/** Who downloads now, by name where that may be known. */
function Downloading({ shown: { downloading, downloaders } }: { shown: DownloadKey }) {
  if (!downloaders?.length) return <>{numberText(downloading)}</>;
  return (
    <ul class="files-downloaders">
      {downloaders.map(({ account, since_utc }) => (
        <li key={`${account} ${since_utc}`}>
          {account === null ? <span class="muted">{say('keyHolder')}</span> : <bdi>{account}</bdi>}{' '}
          <span class="small muted">{say('since', { time: momentText(Date.parse(since_utc)) })}</span>
        </li>
      ))}
    </ul>
  );
}

function Facts({ shown }: { shown: DownloadKey }) {
  return (
    <dl class="files-facts">
      <dt>{say('keyRotation')}</dt>
      <dd>{say(shown.rotation ?? 'never')}</dd>
      <dt>{say('downloading')}</dt>
      <dd class="numbers">
        <Downloading shown={shown} />
      </dd>
      {(['downloads', 'users'] as const).map((name) => (
        <Fragment key={name}>
          <dt>{say(name)}</dt>
          <dd class="numbers">{numberText(shown[name])}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

/** Giving out and revoking: what is done is told, what fails is said. */
function useActs(opened: OpenedFile) {
  const error = useSignal<unknown>(null);
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
  return { error, act };
}

export function KeyPanel({ opened, shown }: { opened: OpenedFile; shown: DownloadKey }) {
  const isRevoking = useSignal(false);
  const { error, act } = useActs(opened);
  useLooking(opened, shown.rotation === 'running' || shown.downloading > 0 || shown.download_url !== null);
  const mayRevoke = shown.download_url !== null || shown.downloading > 0;
  const ask = (isAsked: boolean) => () => {
    isRevoking.value = isAsked;
  };
  const restart = () => void act(() => restartKey(opened.id), say('saidKey'));
  const revoke = () => act(() => revokeKey(opened.id), say('saidRevoked'));
  return (
    <section class="panel stack" aria-labelledby="files-key">
      <h2 id="files-key">{say('key')}</h2>
      <p class="small muted">{say('keyText')}</p>
      {shown.download_url ? <Address shown={shown} /> : <p>{say('keyNone')}</p>}
      <Facts shown={shown} />
      <ErrorText error={error.value} />
      <div class="row">
        {!shown.download_url && <Button onClick={restart}>{say('restart')}</Button>}
        {mayRevoke && (
          <Button kind="danger" onClick={ask(true)}>
            {say('revoke')}
          </Button>
        )}
      </div>
      {isRevoking.value && (
        <Confirm title={say('revokeTitle')} action={say('revoke')} act={revoke} onClose={ask(false)}>
          <p>{say('revokeText', { n: shown.downloading })}</p>
        </Confirm>
      )}
    </section>
  );
}
