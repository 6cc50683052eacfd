/** When each frame of a camera is shown, as far as it is loaded: what stepping by frames goes by. */

/** How long a frame is shown where the next one is not known, ms. */
export const USUAL_FRAME_MS = 40;

/** Times in ms since the epoch, rising. */
export class FrameTimes {
  private times: number[] = [];

  /** Take in the frames of a piece of media; what was known within [times[0], endMs) is replaced. */
  put(times: readonly number[], endMs: number): void {
    const [startMs] = times;
    if (startMs === undefined) return;
    const begin = this.countBefore(startMs - 0.5);
    const end = this.countBefore(endMs - 0.5);
    this.times.splice(begin, end - begin, ...times);
  }

  /** Forget the frames outside of [fromMs, toMs). */
  keep(fromMs: number, toMs: number): void {
    this.times = this.times.slice(this.countBefore(fromMs), this.countBefore(toMs));
  }

  /** Forget the frames within [fromMs, toMs). */
  drop(fromMs: number, toMs: number): void {
    const begin = this.countBefore(fromMs);
    this.times.splice(begin, this.countBefore(toMs) - begin);
  }

  /** The frame that is shown at an instant: the last one that began. */
  at(ms: number): number | null {
    return this.times[this.countBefore(ms + 0.001) - 1] ?? null;
  }

  /** The frame `count` frames after (below 0: before) the one shown at an instant, null where it is not loaded. */
  stepFrom(ms: number, count: number): number | null {
    return this.times[this.countBefore(ms + 0.001) - 1 + count] ?? null;
  }

  /** How long the frame at an instant is shown, null where the next one is not loaded. */
  lengthMs(ms: number): number | null {
    const [now, next] = [this.at(ms), this.stepFrom(ms, 1)];
    return now === null || next === null ? null : next - now;
  }

  private countBefore(ms: number): number {
    let [low, high] = [0, this.times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.times[middle] ?? 0) < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
