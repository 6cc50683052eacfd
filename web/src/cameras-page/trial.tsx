/** A camera being tried: its picture, or the reason why there is none and what to try. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { isAbort } from '../api/call';
import { type Reason, type Trial, testSource } from '../api/cameras';
import type { SourceInput } from '../api/sources';
import { numberText } from '../instants';
import { Spinner } from '../parts/shown';
import { sayReason } from '../reasons';
import { videoText } from './facts';
import { say } from './formwords';

/** Reasons of which the service's own words tell more: a setting's name, a codec, what ffmpeg said. */
const TOLD: Reason[] = ['address_forbidden', 'codec_unknown', 'bad_template', 'failed'];

export interface Trying {
  isRunning: boolean;
  found: Trial | null;
  run: (input: SourceInput, sourceId: number | null) => Promise<Trial | null>;
  forget: () => void;
}

/** The trial of one form. Raises what the service refuses; one that was forgotten meanwhile says nothing. */
export function useTrial(): Trying {
  const [state, setState] = useState<{ isRunning: boolean; found: Trial | null }>({ isRunning: false, found: null });
  const asking = useRef<AbortController | null>(null);
  useEffect(() => () => asking.current?.abort(), []);
  const forget = () => {
    asking.current?.abort();
    asking.current = null;
    setState((before) => (before.isRunning || before.found ? { isRunning: false, found: null } : before));
  };
  const run = async (input: SourceInput, sourceId: number | null) => {
    forget();
    const mine = new AbortController();
    asking.current = mine;
    setState({ isRunning: true, found: null });
    let found: Trial | null = null;
    try {
      found = await testSource({ ...input, ...(sourceId !== null && { source_id: sourceId }) }, mine.signal);
    } catch (error) {
      if (!isAbort(error)) throw error;
    } finally {
      if (asking.current === mine) setState({ isRunning: false, found });
    }
    return asking.current === mine ? found : null;
  };
  return { ...state, run, forget };
}

function Why({ reason, detail }: { reason: Reason; detail: string | null }) {
  return (
    <div class="notice" data-kind="danger">
      <strong>{sayReason(reason)}</strong>
      <p>{sayReason(`${reason}_hint`)}</p>
      {TOLD.includes(reason) && detail && (
        <p class="small">
          {say('said')} <span lang="en">{detail}</span>
        </p>
      )}
    </div>
  );
}

function Shown({ found }: { found: Trial }) {
  const facts = [videoText(found), found.has_audio && say('sound'), say('took', { s: numberText(found.took_s, 1) })];
  return (
    <figure class="cameras-picture">
      <img src={found.picture ?? ''} alt={say('picture')} />
      <figcaption class="small muted">{facts.filter(Boolean).join(' · ')}</figcaption>
    </figure>
  );
}

export function TrialView({ trying }: { trying: Trying }) {
  const { isRunning, found } = trying;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (found) box.current?.scrollIntoView({ block: 'nearest' }); // on a telephone it lies below the fields
  }, [found]);
  return (
    <div ref={box} class="cameras-trial" aria-live="polite" aria-busy={isRunning}>
      {isRunning && (
        <div class="row">
          <Spinner label={say('testing')} />
          <span>{say('testing')}</span>
        </div>
      )}
      {found?.picture && !found.reason && <Shown found={found} />}
      {found?.reason && <Why reason={found.reason} detail={found.detail} />}
    </div>
  );
}
