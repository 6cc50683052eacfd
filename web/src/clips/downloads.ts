/**
 * Downloads with progress. What fits is fetched by the page, which can say how far it is and why it fails; the browser
 * keeps such bytes on its disk, not in memory. What is larger is left to the browser's own list of downloads.
 */
import { signal } from '@preact/signals';
import { ApiError, ask, isAbort } from '../api/call';
import { Slots } from '../parts/slots';
import { nameIn } from './downloadname';

/** Twice this is needed on the disk for a moment: once as what was fetched, once as the file. */
export const MOST_BYTES = 500_000_000;

export interface Download {
  key: number;
  name: string;
  /** Null while it is not known. */
  sizeBytes: number | null;
  doneBytes: number;
  /** `waiting`: for its turn; `handed`: the browser itself goes on with it. */
  state: 'waiting' | 'running' | 'done' | 'failed' | 'handed';
  error: unknown;
}

export const downloads = signal<Download[]>([]);
const slots = new Slots(2); // of the six connections that a browser has for a host: the pages need the others
const breakers = new Map<number, AbortController>();
let lastKey = 0;

function change(key: number, values: Partial<Download>): void {
  downloads.value = downloads.peek().map((one) => (one.key === key ? { ...one, ...values } : one));
}

/** Take a download out of the list; one that runs is broken off. */
export function drop(key: number): void {
  breakers.get(key)?.abort();
  downloads.value = downloads.peek().filter((one) => one.key !== key);
}

function save(href: string, name: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

/** Let bytes pass, and tell how many have. */
function counting(onBytes: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller) {
      onBytes(chunk.byteLength);
      controller.enqueue(chunk);
    },
  });
}

async function fetchFile(key: number, path: string, name: string, signal: AbortSignal): Promise<void> {
  change(key, { state: 'running' });
  const answer = await ask(path, { signal });
  const sizeBytes = Number(answer.headers.get('Content-Length')) || null;
  const given = nameIn(answer.headers.get('Content-Disposition')) ?? name;
  change(key, { sizeBytes, name: given });
  let doneBytes = 0;
  const body = answer.body?.pipeThrough(
    counting((bytes) => {
      doneBytes += bytes;
      change(key, { doneBytes });
    }),
  );
  const url = URL.createObjectURL(await new Response(body).blob());
  save(url, given);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  change(key, { state: 'done', doneBytes });
}

/** Fetch a file and save it; what is too large for that is handed to the browser. */
export async function download(path: string, name: string, sizeBytes: number | null): Promise<void> {
  lastKey += 1;
  const key = lastKey;
  const isHanded = sizeBytes !== null && sizeBytes > MOST_BYTES;
  const state = isHanded ? 'handed' : 'waiting';
  downloads.value = [...downloads.peek(), { key, name, sizeBytes, doneBytes: 0, state, error: null }];
  if (isHanded) return save(path, '');
  const breaker = new AbortController();
  breakers.set(key, breaker);
  try {
    await slots.run(() => fetchFile(key, path, name, breaker.signal), 0, breaker.signal);
  } catch (error) {
    if (isAbort(error)) return;
    const isKnown = error instanceof ApiError || error instanceof TypeError; // TypeError: the connection broke off
    change(key, { state: 'failed', error });
    if (!isKnown) throw error;
  } finally {
    breakers.delete(key);
  }
}
