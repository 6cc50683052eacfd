/** Fetching playlists and media: again and again where the service is just starting anew. */

import { ApiError, ask } from '../api/call';
import { pause } from '../pause';

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 4000;
/** Nothing answered, or not the service itself. */
const PASSING = new Set([0, 500, 502, 503, 504]);

/** Is it worth asking again? */
export const isPassing = (error: unknown): boolean => error instanceof ApiError && PASSING.has(error.status);

/** Ask until there is an answer. Raises what is no passing trouble, and AbortError; `tell` hears of each trouble. */
export async function patiently<T>(act: () => Promise<T>, signal: AbortSignal, tell?: () => void): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await act();
    } catch (error) {
      if (!isPassing(error)) throw error;
      tell?.();
      await pause(pauseMs, signal);
    }
  }
}

/** A resource, or the bytes [first, last] of it. */
export async function bytesOf(
  uri: string,
  range: readonly [number, number] | null,
  signal: AbortSignal,
): Promise<ArrayBuffer> {
  const headers: Record<string, string> = range ? { Range: `bytes=${range[0]}-${range[1]}` } : {};
  return (await ask(uri, { headers, signal })).arrayBuffer();
}

/** A playlist. */
export const textOf = async (uri: string, signal: AbortSignal): Promise<string> => (await ask(uri, { signal })).text();
