/** Pictures that the service decodes, one after another: for speeds and codecs that no video element shows. */

import { ApiError, ask, isAbort } from '../api/call';
import { pictureUrl } from '../api/footage';
import type { Interval } from './intervals';

const WIDTHS = [320, 480, 640, 960, 1280, 1920];
const PAUSE_MS = 1500;
const FIRST_DELAY_MS = 120;

export class Scanner {
  readonly canvas = document.createElement('canvas');
  /** The wall time of the picture shown, null before the first. */
  shownMs: number | null = null;
  private busy: AbortController | null = null;
  private notBeforeMs = 0;
  private askedMs: number | null = null;
  private delayMs = FIRST_DELAY_MS;

  private readonly sourceId: number;
  private readonly onShown: (ms: number) => void;

  constructor(sourceId: number, onShown: (ms: number) => void) {
    this.sourceId = sourceId;
    this.onShown = onShown;
  }

  /** Show what there is of a span at an instant of a clock that runs at `rate`; at most one picture each `everyMs`. */
  show(ms: number, rate: number, span: Interval, everyMs: number): void {
    const now = performance.now();
    if (this.busy || now < this.notBeforeMs || (rate === 0 && ms === this.askedMs)) return;
    this.askedMs = ms;
    this.notBeforeMs = now + everyMs;
    void this.load(Math.max(span.startMs, Math.min(span.endMs - 1, ms + this.delayMs * rate)));
  }

  close(): void {
    this.busy?.abort();
    this.busy = null;
    this.shownMs = this.askedMs = null;
    this.notBeforeMs = 0;
  }

  private async load(ms: number): Promise<void> {
    const stop = new AbortController();
    this.busy = stop;
    const askedMs = performance.now();
    try {
      const answer = await ask(pictureUrl(this.sourceId, ms, this.width(), 'key'), { signal: stop.signal });
      const picture = await createImageBitmap(await answer.blob());
      if (stop.signal.aborted) return;
      this.delayMs += (performance.now() - askedMs - this.delayMs) / 4;
      this.draw(picture);
      this.shownMs = Date.parse(answer.headers.get('X-Picture-Utc') ?? '') || ms;
      this.onShown(this.shownMs);
    } catch (error) {
      if (isAbort(error)) return;
      this.notBeforeMs = performance.now() + PAUSE_MS; // much is being decoded, or nothing was recorded then
      this.askedMs = null;
      if (!(error instanceof ApiError || error instanceof DOMException)) throw error;
    } finally {
      if (this.busy === stop) this.busy = null;
    }
  }

  private draw(picture: ImageBitmap): void {
    const { canvas } = this;
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    }
    canvas.getContext('2d')?.drawImage(picture, 0, 0);
    picture.close();
  }

  private width(): number {
    const wanted = this.canvas.clientWidth * Math.min(2, devicePixelRatio);
    return WIDTHS.find((one) => one >= wanted) ?? 1920;
  }
}
