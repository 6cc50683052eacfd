/** How a picture that has drifted from the clock is brought back: by its speed, or by a seek where it is far off. */

/** Beyond this a picture seeks, in seconds of footage at 1×. */
export const SEEK_BEYOND_S = 0.3;
/** Below this nothing is done: pictures change each 16 ms at best, and sound is not to waver. */
export const CALM_S = 0.006;
/** By how much the speed of what is heard may differ. */
export const MOST = 0.05;
/** By how much that of a silent picture may: what a busy machine has held up by some frames is back within a second. */
export const MOST_SILENT = 0.25;
/** In which time a small difference is to be gone. */
const WITHIN_S = 0.6;

/** What is to be done: play at this speed, or seek. */
export type Correction = { readonly kind: 'play'; readonly rate: number } | { readonly kind: 'seek' };

/**
 * Decide for a picture that is `aheadS` seconds of footage before the clock (negative: behind), where the clock runs
 * at `rate` and the picture now at `speed`, changed by `most` of it at most. A correction is kept until the picture is well within calm.
 */
export function correct(aheadS: number, rate: number, speed: number, most = MOST): Correction {
  const offS = aheadS / rate;
  if (Math.abs(offS) > Math.max(SEEK_BEYOND_S, 0)) return { kind: 'seek' };
  const isCorrecting = Math.abs(speed / rate - 1) > 0.001;
  if (Math.abs(offS) < (isCorrecting ? CALM_S / 2 : CALM_S)) return { kind: 'play', rate };
  const by = Math.max(-most, Math.min(most, -offS / WITHIN_S));
  return { kind: 'play', rate: rate * (1 + Math.round(by * 200) / 200) };
}

/** A running median of the last few differences: a single late reading moves nothing. */
export class Median {
  private readonly values: number[] = [];

  private readonly count: number;

  constructor(count = 5) {
    this.count = count;
  }

  /** Take a value in; return the median. */
  add(value: number): number {
    this.values.push(value);
    if (this.values.length > this.count) this.values.shift();
    return this.value;
  }

  /** The median, 0 without values. */
  get value(): number {
    const sorted = [...this.values].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  }

  /** Are there enough values to rely on? */
  get isFull(): boolean {
    return this.values.length >= this.count;
  }

  /** Forget all. */
  clear(): void {
    this.values.length = 0;
  }
}
