/** What the cameras have between the marks: asked when the marks have rested for a moment. */
import { useEffect, useState } from 'preact/hooks';
import { ApiError, isAbort } from '../api/call';
import { type Footage, footage, type Gap, gaps, type Interval } from '../api/footage';
import { nowMs } from '../instants';

export interface Holding {
  id: number;
  footage: Footage | null;
  /** Why there is none; beside footage: why that is not known anew. */
  error: ApiError | null;
  /** Where nothing was recorded, or it is there no more: what the service knows of that. */
  causes: Gap[];
}

const REST_MS = 250;
const FRESH_MS = 20_000; // what is being recorded is readable some seconds later
const AGAIN_MS = 5000;
const LATER_MS = 30_000; // what was recorded may be deleted while it is looked at

/** Why there is nothing; empty where that is not known. */
async function causesOf(id: number, startMs: number, endMs: number, signal: AbortSignal): Promise<Gap[]> {
  try {
    return await gaps(id, startMs, Math.min(endMs, nowMs()), signal);
  } catch (error) {
    if (error instanceof ApiError) return [];
    throw error;
  }
}

/** What a camera holds; what it held `before` where nothing is told of that now. */
async function ask(
  id: number,
  { startMs, endMs }: Interval,
  before: Holding | undefined,
  signal: AbortSignal,
): Promise<Holding> {
  try {
    return { id, footage: await footage(id, startMs, endMs, signal), error: null, causes: [] };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (before && error.isPassing) return { ...before, error };
    const causes = error.has('no_footage') ? await causesOf(id, startMs, endMs, signal) : [];
    return { id, footage: null, error, causes };
  }
}

/** What each camera holds; null while that is not known yet, and where there is no clip. */
export function useHoldings(ids: number[], clip: Interval | null): Holding[] | null {
  const [known, setKnown] = useState<{ key: string; holdings: Holding[] } | null>(null);
  const key = clip && `${ids.join()} ${clip.startMs} ${clip.endMs}`;
  useEffect(() => {
    if (!clip || key === null) return;
    const breaker = new AbortController();
    let timer = 0;
    let found: Holding[] = [];
    const again = () => {
      if (document.hidden) timer = window.setTimeout(again, AGAIN_MS);
      else void askAll();
    };
    const askAll = async () => {
      try {
        const before = new Map(found.map((one) => [one.id, one]));
        found = await Promise.all(ids.map((id) => ask(id, clip, before.get(id), breaker.signal)));
        setKnown({ key, holdings: found });
      } catch (error) {
        if (isAbort(error)) return;
        throw error;
      }
      timer = window.setTimeout(again, clip.endMs > nowMs() - FRESH_MS ? AGAIN_MS : LATER_MS);
    };
    timer = window.setTimeout(askAll, REST_MS);
    return () => {
      clearTimeout(timer);
      breaker.abort();
    };
  }, [key]);
  return known?.key === key ? known.holdings : null; // not for a moment what another clip holds
}
