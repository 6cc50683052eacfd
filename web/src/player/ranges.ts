/** What a media element has buffered, on the wall clock. */

import type { Interval } from './intervals';

/** Ranges of seconds as stretches of ms from `baseMs` on. */
export function stretchesOf(ranges: TimeRanges, baseMs: number): Interval[] {
  return Array.from({ length: ranges.length }, (_, at) => ({
    startMs: baseMs + ranges.start(at) * 1000,
    endMs: baseMs + ranges.end(at) * 1000,
  }));
}

/** Sound and picture never begin at the same instant: where footage begins, some frames of it cannot be shown. */
const HOLE_MS = 500;

/** The instant at or shortly after `ms` that can be shown with what there is, null where none can. */
export function showable(stretches: readonly Interval[], ms: number): number | null {
  for (const one of stretches) {
    if (one.endMs <= ms) continue;
    if (one.startMs <= ms) return ms;
    return one.startMs - ms < HOLE_MS ? one.startMs : null;
  }
  return null;
}

/** How far from `ms` on there is media without a hole, in ms. */
export function aheadOf(stretches: readonly Interval[], ms: number): number {
  const from = showable(stretches, ms);
  if (from === null) return 0;
  const one = stretches.find((stretch) => stretch.startMs <= from && from < stretch.endMs);
  return one ? one.endMs - ms : 0;
}
