/**
 * Feeds one <video> without Media Source Extensions: MP4s of some minutes, one after another. In a film with
 * `gaps=hold` media time is wall time, so that it lies on the same time line as what feeder.ts makes.
 */

import { ApiError, get, isAbort } from '../api/call';
import type { Footage } from '../api/footage';
import { isoOf, nowMs } from '../instants';
import type { Feed, Trouble } from './feed';
import { patiently } from './fetching';
import { FrameTimes } from './frametimes';
import type { Interval } from './intervals';
import type { Shelf } from './shelf';

const BEFORE_MS = 4000;
const AFTER_MS = 600_000;
const AGAIN_MS = 1500;

export class Films implements Feed {
  readonly frames = new FrameTimes();
  trouble: Trouble | null = null;
  baseMs = 0;
  hasSound = false;
  private readonly video: HTMLVideoElement;
  private readonly sourceId: number;
  private readonly shelf: Shelf;
  private film: Interval | null = null;
  private loading: AbortController | null = null;
  private notBeforeMs = 0;

  constructor(video: HTMLVideoElement, sourceId: number, shelf: Shelf, ms: number) {
    this.video = video;
    this.sourceId = sourceId;
    this.shelf = shelf;
    video.addEventListener('error', this.onError);
    this.want(ms);
  }

  get stretches(): readonly Interval[] {
    return this.film ? [this.film] : [];
  }

  want(ms: number): void {
    const isHeld = this.film !== null && this.film.startMs <= ms && ms < this.film.endMs - 50;
    if (isHeld || this.loading || performance.now() < this.notBeforeMs || !this.shelf.spanAt(ms)) return;
    this.loading = new AbortController();
    void this.open(ms, this.loading.signal);
  }

  hear(): void {} // a film has its sound, and the video is muted

  /** Without reading the file nothing but their showing tells when its frames are. */
  see(ms: number): void {
    this.frames.put([ms], ms + 1);
    this.frames.keep(ms - BEFORE_MS, ms + BEFORE_MS);
  }

  close(): void {
    this.loading?.abort();
    this.video.removeEventListener('error', this.onError);
    this.video.removeAttribute('src');
    this.video.load();
  }

  private async open(ms: number, signal: AbortSignal): Promise<void> {
    const range = { start: isoOf(ms - BEFORE_MS), end: isoOf(Math.min(ms + AFTER_MS, nowMs())), gaps: 'hold' };
    try {
      const path = `/playbackapi/source/${this.sourceId}`;
      const data = await patiently(() => get<Footage>(path, range, signal), signal);
      const [firstPiece, lastPiece] = [data.map[0], data.map.at(-1)];
      if (!firstPiece || !lastPiece) return;
      this.baseMs = Date.parse(firstPiece.start_utc) - firstPiece.media_s * 1000;
      this.film = { startMs: Date.parse(firstPiece.start_utc), endMs: Date.parse(lastPiece.end_utc) };
      this.hasSound = data.codecs.includes('mp4a');
      this.video.src = data.urls.mp4;
      this.video.currentTime = (ms - this.baseMs) / 1000;
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 404) this.trouble = { kind: 'refused', detail: error.message };
    } finally {
      this.loading = null;
      this.notBeforeMs = performance.now() + AGAIN_MS;
    }
  }

  private readonly onError = (): void => {
    if (this.video.error && this.film) this.trouble = { kind: 'decoding', detail: this.video.error.message };
  };
}
