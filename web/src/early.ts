/** Answers that were asked for before the scripts were there that need them (ahead.ts): each is taken once, or dropped. */
export interface Early {
  readonly askedMs: number;
  readonly answer: Promise<Response>;
  /** The JSON of an answer that is ok: read as it came, so that who takes it late does not wait for it. */
  readonly body: Promise<unknown>;
}

const KEPT_MS = 10_000; // what nobody has taken by then is old, and what is still under way holds a connection
const kept = new Map<string, Early & { abort: AbortController }>();

/** What is asked for is JSON. */
export const JSON_ONLY = { Accept: 'application/json' };

/** Ask for JSON before anybody wants it; returns its promise. */
export function askEarly(path: string): Promise<unknown> {
  const abort = new AbortController();
  const answer = fetch(path, { cache: 'no-cache', headers: JSON_ONLY, signal: abort.signal });
  const body = answer.then((one) => (one.ok ? one.json() : null));
  body.catch(() => undefined); // told to who takes it
  kept.set(path, { askedMs: Date.now(), answer, body, abort });
  setTimeout(() => kept.delete(path) && abort.abort(), KEPT_MS);
  return body;
}

/** Take the answer of a path: from now on it ends with this signal, as any other; null where there is none. */
export function takeEarly(path: string, signal: AbortSignal | null = null): Early | null {
  const found = kept.get(path);
  if (!found) return null;
  kept.delete(path);
  if (signal?.aborted) found.abort.abort();
  signal?.addEventListener('abort', () => found.abort.abort());
  return found;
}
