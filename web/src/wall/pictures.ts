/**
 * The pictures of the wall: stills of the cameras that are seen, one after the other (pacing.ts), and one live picture
 * where somebody looks closer. All of it rests while the page is hidden.
 */
import { type Signal, signal } from '@preact/signals';
import { ApiError, ask } from '../api/call';
import { nowMs } from '../instants';
import { findNearest } from '../nearest';
import { pause } from '../pause';
import { isPictures, Parts } from './multipart';
import { Pacing } from './pacing';

export interface Picture {
  /** The newest picture that could be shown, as an address of a blob; null where there never was one. */
  url: string | null;
  /** The instant that it shows. */
  takenMs: number | null;
  /** Whether the camera gives nothing now. */
  isSilent: boolean;
  /** Where its newest footage ends, asked for where no picture has come as long as the page looks; null: none known. */
  recordedMs: number | null;
  /** What the service says of that. */
  why: ApiError | null;
}

const NONE: Picture = { url: null, takenMs: null, isSilent: false, recordedMs: null, why: null };
const GIVE_UP_MS = 15_000; // the service says within 5 s that a camera gives nothing
const pictures = new Map<number, Signal<Picture>>();

export function pictureOf(id: number): Signal<Picture> {
  let found = pictures.get(id);
  if (!found) {
    found = signal(NONE);
    pictures.set(id, found);
  }
  return found;
}

/** Show bytes of a JPEG once they are decoded: the picture before stays until then, and nothing flickers. */
async function publish(id: number, bytes: Blob, taken: string | null | undefined): Promise<void> {
  const url = URL.createObjectURL(bytes);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(url);
    throw new ApiError(0, [{ loc: [], msg: 'The camera sent a picture that cannot be shown', type: 'no_picture' }]);
  }
  const picture = pictureOf(id);
  const before = picture.peek().url;
  const takenMs = Date.parse(taken ?? '');
  picture.value = { ...NONE, url, takenMs: Number.isFinite(takenMs) ? takenMs : nowMs() };
  if (before) URL.revokeObjectURL(before);
}

const asked = new Set<number>();

/** Ask once where the newest footage of a camera ends of which no picture has come; what is not answered, again later. */
async function askRecorded(id: number): Promise<void> {
  if (asked.has(id)) return;
  asked.add(id);
  try {
    const { beforeMs } = await findNearest([id], nowMs());
    const picture = pictureOf(id);
    if (picture.peek().isSilent) picture.value = { ...picture.peek(), recordedMs: beforeMs };
  } catch (error) {
    asked.delete(id);
    if (!(error instanceof ApiError)) throw error;
  }
}

function noteSilence(id: number, why: ApiError): void {
  const picture = pictureOf(id);
  const known = picture.peek();
  picture.value = { ...known, why, isSilent: true };
  if (known.takenMs === null) void askRecorded(id);
}

const failure = (msg: string, type: string) => new ApiError(0, [{ loc: [], msg, type }]);

/** What went wrong, for people. Raises what is a fault of the page itself. */
function whyOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof DOMException) return failure('The service did not answer in time', 'late');
  if (error instanceof TypeError) return failure('The connection to the service broke off', 'broken_off');
  throw error;
}

/** Ask for a still and show it; tell whether there is one. */
async function fetchStill(id: number): Promise<boolean> {
  try {
    const init = { signal: AbortSignal.timeout(GIVE_UP_MS), headers: { Accept: 'image/jpeg, application/json' } };
    const before = pictureOf(id).peek().url;
    const answer = await ask(`/api/v1/source/${id}/picture`, init);
    const bytes = await answer.blob();
    const isLate = pictureOf(id).peek().url !== before; // a live picture came meanwhile
    if (!isLate) await publish(id, bytes, answer.headers.get('X-Picture-Utc'));
    return true;
  } catch (error) {
    noteSilence(id, whyOf(error));
    return false;
  }
}

const pacing = new Pacing();
let timer = 0;

async function takeTurn(id: number): Promise<void> {
  let isGood = false;
  try {
    isGood = watched.peek()?.id === id || (await fetchStill(id)); // what is watched live needs no stills
  } finally {
    pacing.done(id, Date.now(), isGood); // whatever went wrong: its turn comes again
    go();
  }
}

function go(): void {
  clearTimeout(timer);
  if (document.hidden) return;
  for (const id of pacing.take(Date.now())) void takeTurn(id);
  const dueMs = pacing.dueMs();
  if (dueMs !== null) timer = window.setTimeout(go, Math.max(50, dueMs - Date.now()));
}

document.addEventListener('visibilitychange', go);

/** A tile of a camera has come into view; returns what tells that it has left it. */
export function look(id: number): () => void {
  pacing.show(id);
  go();
  return () => pacing.hide(id);
}

/** Set how often a camera is asked for a still. */
export function pace(id: number, periodMs: number): void {
  pacing.setPeriod(id, periodMs);
  go();
}

/** Ask a camera anew that gave nothing. */
export function tryAgain(id: number): void {
  pacing.hurry(id);
  go();
}

interface Watched {
  id: number;
  /** Whether pictures are coming now. */
  isLive: boolean;
}

/** The one camera that is watched live: each such stream holds a connection. */
export const watched = signal<Watched | null>(null);
const AGAIN_MS = 2000;

/** Show what a stream brings until it ends. Of pictures that came together the last is shown. */
async function readStream(id: number, delayS: number, signal: AbortSignal): Promise<void> {
  const answer = await ask(`/api/v1/source/${id}/video?delay=${delayS}`, { signal });
  if (!answer.body || !isPictures(answer.headers.get('Content-Type') ?? ''))
    throw new TypeError('no stream of pictures');
  const reader = answer.body.getReader();
  const parts = new Parts();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const newest = parts.push(read.value).at(-1);
    if (!newest) continue;
    await publish(id, new Blob([newest.bytes], { type: 'image/jpeg' }), newest.headers.get('x-picture-utc'));
    if (!signal.aborted) watched.value = { id, isLive: true };
  }
}

/** Waits until the page is seen, or nobody watches any more. */
function seen(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
    look();
  });
}

/** One stream, broken off when the page is hidden or nobody watches any more. */
async function watchOnce(id: number, delayS: number, signal: AbortSignal): Promise<void> {
  const stream = new AbortController();
  const look = () => {
    if (document.hidden || signal.aborted) stream.abort();
  };
  document.addEventListener('visibilitychange', look);
  signal.addEventListener('abort', look);
  try {
    await readStream(id, delayS, stream.signal);
  } catch (error) {
    if (!stream.signal.aborted) noteSilence(id, whyOf(error));
  } finally {
    document.removeEventListener('visibilitychange', look);
    signal.removeEventListener('abort', look);
  }
}

async function watch(id: number, delayS: number, signal: AbortSignal): Promise<void> {
  for (await seen(signal); !signal.aborted; await seen(signal)) {
    await watchOnce(id, delayS, signal);
    if (signal.aborted) return;
    watched.value = { id, isLive: false };
    await pause(AGAIN_MS, signal).catch(() => undefined); // nobody watches any more: the loop sees it
  }
}

let breaker = new AbortController();

/** Watch a camera live, in the place of another; returns what ends it. While the page is hidden nothing is fetched. */
export function watchLive(id: number, delayS: number): () => void {
  breaker.abort();
  breaker = new AbortController();
  const own = breaker;
  watched.value = { id, isLive: false };
  void watch(id, delayS, own.signal);
  return () => {
    own.abort();
    if (breaker === own) watched.value = null;
  };
}
