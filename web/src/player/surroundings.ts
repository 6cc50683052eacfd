/** What lies around a stretch in which no camera has anything: from what is known, else it is asked for. */

import { ApiError } from '../api/call';
import { findNearest, type Nearest } from '../nearest';
import type { Library } from './library';

/** What was asked for is believed for so long: footage may come. */
const KEPT_MS = 5000;
const AGAIN_MS = 1000;

export class Surroundings {
  private isAsking = false;
  private found: (Nearest & { fromMs: number; toMs: number; askedMs: number }) | null = null;
  private readonly ids: () => readonly number[];
  private readonly library: Library;

  constructor(ids: () => readonly number[], library: Library) {
    this.ids = ids;
    this.library = library;
  }

  /** The nearest footage around an instant without any; null until it is known. */
  around(ms: number): Nearest | null {
    const shelves = this.ids().map((id) => this.library.shelf(id));
    const beforeMs = Math.max(...shelves.map((one) => one.spanBefore(ms)?.endMs ?? Number.NEGATIVE_INFINITY));
    const afterMs = Math.min(...shelves.map((one) => one.spanAfter(ms)?.startMs ?? Number.POSITIVE_INFINITY));
    if (Number.isFinite(beforeMs) && Number.isFinite(afterMs)) return { beforeMs, afterMs };
    const { found } = this;
    const isHeld = found !== null && ms >= found.fromMs && ms <= found.toMs;
    if (isHeld && performance.now() - found.askedMs < KEPT_MS) return found;
    if (!this.isAsking) void this.ask(ms);
    return isHeld ? found : null;
  }

  private async ask(ms: number): Promise<void> {
    this.isAsking = true;
    try {
      const found = await findNearest(this.ids(), ms);
      const fromMs = found.beforeMs ?? Number.NEGATIVE_INFINITY;
      const toMs = found.afterMs ?? Number.POSITIVE_INFINITY;
      this.found = { ...found, fromMs, toMs, askedMs: performance.now() };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // it is asked again
    } finally {
      setTimeout(() => {
        this.isAsking = false;
      }, AGAIN_MS);
    }
  }
}
