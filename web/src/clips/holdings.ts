/** What the cameras have between the marks: asked when the marks have rested for a moment. */
import { useEffect, useState } from 'preact/hooks';
import { ApiError, isAbort } from '../api/call';
import { type Footage, footage } from '../api/footage';
import { nowMs } from '../instants';

export interface Holding {
  id: number;
  footage: Footage | null;
  /** Why there is none. */
  error: ApiError | null;
}

const REST_MS = 250;
const FRESH_MS = 20_000; // what is being recorded is readable some seconds later
const AGAIN_MS = 5000;
const SETTLED_AGAIN_MS = 15_000; // footage is deleted, and fetched later

async function ask(id: number, startMs: number, endMs: number, signal: AbortSignal): Promise<Holding> {
  try {
    return { id, footage: await footage(id, startMs, endMs, signal), error: null };
  } catch (error) {
    if (error instanceof ApiError) return { id, footage: null, error };
    throw error;
  }
}

/** What each camera holds; null while that is not known yet, and where there is no clip. */
export function useHoldings(ids: number[], clip: { startMs: number; endMs: number } | null): Holding[] | null {
  const [holdings, setHoldings] = useState<Holding[] | null>(null);
  const key = clip && `${ids.join()} ${clip.startMs} ${clip.endMs}`;
  useEffect(() => {
    setHoldings(null);
    if (!clip) return;
    const breaker = new AbortController();
    let timer = 0;
    const askAll = async () => {
      try {
        setHoldings(await Promise.all(ids.map((id) => ask(id, clip.startMs, clip.endMs, breaker.signal))));
      } catch (error) {
        if (isAbort(error)) return;
        throw error;
      }
      const isFresh = clip.endMs > nowMs() - FRESH_MS;
      timer = window.setTimeout(askAll, isFresh ? AGAIN_MS : SETTLED_AGAIN_MS);
    };
    timer = window.setTimeout(askAll, REST_MS);
    return () => {
      clearTimeout(timer);
      breaker.abort();
    };
  }, [key]);
  return holdings;
}
