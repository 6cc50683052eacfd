/** Asking the service for what is shown, and asking again. */
import { useEffect, useState } from 'preact/hooks';
import { isAbort } from '../api/call';

export interface Asked<T> {
  /** Null until the first answer of this key; kept while the same is asked for again. */
  value: T | null;
  error: unknown;
  again: () => void;
  /** Show this until the next answer: what was just stored. */
  set: (value: T) => void;
}

interface Found<T> {
  /** What it was asked for: under another name it would be false. */
  key: string;
  value: T | null;
  error: unknown;
}

const current = <T>(found: Found<T>, key: string): Found<T> =>
  found.key === key ? found : { key, value: null, error: null };

/**
 * What `load` gives. It is asked anew when `key` changes, when `again` is called, and every `everyMs` while the page is
 * visible (0: never), one question at a time: an answer that takes long is not overtaken by the next.
 */
export function useAsked<T>(load: (signal: AbortSignal) => Promise<T>, key = '', everyMs = 0): Asked<T> {
  const [found, setFound] = useState<Found<T>>({ key, value: null, error: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    let isAsking = false;
    const askOnce = async () => {
      if (isAsking) return;
      isAsking = true;
      try {
        const value = await load(control.signal);
        if (!control.signal.aborted) setFound({ key, value, error: null });
      } catch (error) {
        if (!isAbort(error) && !control.signal.aborted) setFound((before) => ({ ...current(before, key), error }));
      }
      isAsking = false;
    };
    void askOnce();
    const timer = everyMs ? setInterval(() => !document.hidden && void askOnce(), everyMs) : undefined;
    return () => {
      control.abort();
      clearInterval(timer);
    };
  }, [key, turn, everyMs]);
  const set = (value: T) => setFound({ key, value, error: null });
  const { value, error } = current(found, key);
  return { value, error, again: () => setTurn((before) => before + 1), set };
}
