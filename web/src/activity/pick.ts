/** Which movement to go to: pure, so that it can be tested without a service. */
import type { Moving, NextQuery } from '../api/activity';

export type Way = NextQuery['way'];
const NEAR_MS = 2000; // so near to a stretch's begin it is the one that is being shown

/**
 * From where to search. Shown is a frame at or a little before a begin that was gone to: it must not be found again; and
 * going back from a begin leads to the stretch before it.
 */
export function searchFrom(shownMs: number, last: Moving | null): number {
  const isThere = last !== null && Math.abs(shownMs - last.startMs) < NEAR_MS;
  return isThere ? last.startMs : shownMs;
}

/** The nearest of what was found before each camera. */
export function nearest(found: (Moving | null)[], way: Way): Moving | null {
  const sign = way === 'after' ? 1 : -1;
  const there = found.filter((one) => one !== null).sort((one, other) => sign * (one.startMs - other.startMs));
  return there[0] ?? null;
}
