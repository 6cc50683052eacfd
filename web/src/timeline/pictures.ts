/**
 * Pictures of the moment under the pointer. Sheets of thumbnails of what is shown lie ready, so that something is seen
 * at once; when the pointer rests, the key picture of that very moment takes its place.
 */

import { ask, isAbort, queryOf } from '../api/call';
import { pictureUrl } from '../api/footage';
import { isoOf } from '../instants';
import { MINUTE_MS, SECOND_MS } from '../lengths';
import type { Feed, Origin } from './feed';
import { Keep } from './keep';
import { spanOf, type View } from './scale';
import { levelFor, tileMs } from './tiles';

/** Thumbnails in even steps, from left to right and down. */
export interface Sheet {
  readonly image: ImageBitmap;
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
  readonly columns: number;
}

/** A part of an image, and the moment that it shows about. */
export interface Picture {
  readonly image: ImageBitmap;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly atMs: number;
  /** A thumbnail of a sheet, or the key picture itself. */
  readonly kind: 'thumbnail' | 'key';
}

const COUNT = 25; // of a sheet: a third of a second of the server's time
const THUMBNAIL_PX = 160;
const PICTURE_PX = 320;
/** Thumbnails of one view lie at most so far apart on the screen. */
const APART_PX = 48;
const MOST_SHEETS = 8; // of one view: beyond, key pictures alone must do
const REST_MS = 60;
const MOST_PIXELS = 12_000_000; // 48 MB each for sheets and for key pictures

/** `mayHave` says whether there may be footage in a range: where there is none, nothing is asked for. */
export const sheetOrigin = (mayHave: (id: number, range: View) => boolean): Origin<Sheet> => ({
  shape: { finestMs: 2 * SECOND_MS, cells: COUNT, levels: 6 },
  rank: 4,
  mostIds: 1,
  mostWeight: MOST_PIXELS,
  isFrugal: true,
  isPatient: true,
  weigh: ({ image }) => image.width * image.height,
  forget: ({ image }) => image.close(),
  liveFreshMs: (resolutionMs) => Math.max(2 * resolutionMs, MINUTE_MS / 4),
  async load(ids, range, resolutionMs, signal) {
    const [id] = ids;
    const count = Math.min(Math.max(Math.ceil(spanOf(range) / resolutionMs), 1), COUNT);
    const sheet = id === undefined || !mayHave(id, range) ? null : await loadSheet(id, range, count, signal);
    return new Map(sheet && id !== undefined ? [[id, sheet]] : []);
  },
});

/** Return a sheet of a range; null where nothing was recorded. Raises ApiError, AbortError. */
async function loadSheet(id: number, range: View, count: number, signal: AbortSignal): Promise<Sheet | null> {
  // With `hold` media time runs as the wall clock does, also over gaps.
  const asked = { start: isoOf(range.startMs), end: isoOf(range.endMs), count, width: THUMBNAIL_PX, gaps: 'hold' };
  const answer = await fetchImage(`/playbackapi/source/${id}/thumbnails${queryOf(asked)}`, signal);
  if (!answer) return null;
  const lengthMs = Number(answer.headers.get('X-Media-Seconds')) * 1000 || spanOf(range);
  const columns = Math.ceil(Math.sqrt(count));
  return { image: answer.image, startMs: range.startMs, stepMs: lengthMs / count, count, columns };
}

/** 404 is an answer like any other here, and no reason for an error: there is no footage. */
async function fetchImage(path: string, signal: AbortSignal): Promise<{ image: ImageBitmap; headers: Headers } | null> {
  try {
    const answer = await ask(path, { signal });
    return { image: await createImageBitmap(await answer.blob()), headers: answer.headers };
  } catch (error) {
    if (error instanceof Error && 'status' in error && error.status === 404) return null;
    throw error;
  }
}

/** Whether a view is short enough for sheets. */
function hasSheets(feed: Feed<Sheet>, view: View, width: number): boolean {
  return spanOf(view) <= MOST_SHEETS * tileMs(feed.shape, levelFor(feed.shape, view, width / APART_PX));
}

export function wantSheets(feed: Feed<Sheet>, ids: readonly number[], view: View, width: number): void {
  if (hasSheets(feed, view, width)) feed.want(ids, view, width / APART_PX);
}

/** Return the thumbnail nearest to a moment of those that are here. */
export function thumbnailAt(feed: Feed<Sheet>, id: number, ms: number, view: View, width: number): Picture | null {
  if (!hasSheets(feed, view, width)) return null;
  const pieces = feed.drawn(id, view, width / APART_PX);
  const sheet = pieces.find((piece) => piece.startMs <= ms && ms < piece.endMs)?.value;
  return sheet ? cellOf(sheet, ms) : null;
}

function cellOf(sheet: Sheet, ms: number): Picture {
  const { image, startMs, stepMs, count, columns } = sheet;
  const number = Math.min(Math.max(Math.floor((ms - startMs) / stepMs), 0), count - 1);
  const [width, height] = [image.width / columns, image.height / Math.ceil(count / columns)];
  const [left, top] = [(number % columns) * width, Math.floor(number / columns) * height];
  return { image, left, top, width, height, atMs: startMs + (number + 0.5) * stepMs, kind: 'thumbnail' };
}

/** Key pictures of where the pointer rests. */
export class KeyPictures {
  readonly #kept = new Keep<Picture>(
    MOST_PIXELS,
    ({ image }) => image.width * image.height,
    ({ image }) => image.close(),
  );
  readonly #changed: () => void;
  #timer = 0;
  #asked = '';
  #flight: AbortController | null = null;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Return the picture of a moment if it is here; what is less than `nearMs` away is asked for once. */
  at(id: number, ms: number, nearMs: number): Picture | null {
    return this.#kept.get(this.#key(id, ms, nearMs)) ?? null;
  }

  /** Ask for the picture of a moment once the pointer has rested there. */
  rest(id: number, ms: number, nearMs: number): void {
    const key = this.#key(id, ms, nearMs);
    if (key === this.#asked) return;
    this.stop();
    this.#asked = key;
    if (this.#kept.get(key)) return;
    this.#timer = window.setTimeout(() => void this.#bring(key, id, ms), REST_MS);
  }

  /** Forget what was asked for: the pointer has gone. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#flight?.abort();
    this.#flight = null;
    this.#asked = '';
  }

  #key(id: number, ms: number, nearMs: number): string {
    return `${id} ${nearMs} ${Math.floor(ms / nearMs)}`;
  }

  async #bring(key: string, id: number, ms: number): Promise<void> {
    const flight = new AbortController();
    this.#flight = flight;
    try {
      const answer = await fetchImage(pictureUrl(id, ms, PICTURE_PX), flight.signal);
      if (!answer) return;
      const { image, headers } = answer;
      const atMs = Date.parse(headers.get('X-Picture-Utc') ?? '') || ms;
      this.#kept.set(key, { image, left: 0, top: 0, width: image.width, height: image.height, atMs, kind: 'key' });
      this.#changed();
    } catch (error) {
      if (isAbort(error)) return;
      // Too much is being decoded, or nothing answers: the thumbnail stays, and the pointer's next rest asks again.
      if (this.#asked === key) this.#asked = '';
    }
  }
}
