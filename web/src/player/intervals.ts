/** Sets of half-open stretches of time in ms, in order and apart. */

/** [startMs, endMs) */
export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

/** Join stretches that lie less than `slackMs` apart. They need not be in order. */
export function joined(intervals: readonly Interval[], slackMs = 0): Interval[] {
  const found: Interval[] = [];
  for (const one of [...intervals].sort((a, b) => a.startMs - b.startMs)) {
    const last = found.at(-1);
    if (last && one.startMs <= last.endMs + slackMs) {
      found[found.length - 1] = { startMs: last.startMs, endMs: Math.max(last.endMs, one.endMs) };
    } else found.push({ startMs: one.startMs, endMs: one.endMs });
  }
  return found;
}

/** The stretch in which an instant lies. */
export function holding(intervals: readonly Interval[], ms: number): Interval | null {
  return intervals.find((one) => one.startMs <= ms && ms < one.endMs) ?? null;
}

/** The first stretch that begins after an instant. */
export function following(intervals: readonly Interval[], ms: number): Interval | null {
  return intervals.find((one) => one.startMs > ms) ?? null;
}

/** The last stretch that ended at or before an instant. */
export function preceding(intervals: readonly Interval[], ms: number): Interval | null {
  return intervals.findLast((one) => one.endMs <= ms) ?? null;
}
