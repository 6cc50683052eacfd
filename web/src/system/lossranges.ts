/** The ranges that the losses are told of: pure functions. */
import { DAY_MS } from '../lengths';
import type { Zone } from '../zones';

/** Days of a range; today begins with the day of the time zone. */
const RANGES = { today: 1, week: 7, month: 30, year: 365 } as const;
export type RangeName = keyof typeof RANGES;
export const NAMES = Object.keys(RANGES) as RangeName[];
export const isRange = (name: string | null): name is RangeName => name !== null && Object.hasOwn(RANGES, name);
/** Steps in which the end of a range moves on, so that drawing anew asks nothing anew. */
const STEP_MS = 60_000;

/** Return a range that ends now; none is empty. */
export function rangeOf(name: RangeName, zone: Zone, nowMs: number): { startMs: number; endMs: number } {
  const endMs = Math.floor(nowMs / STEP_MS) * STEP_MS;
  if (name !== 'today') return { startMs: endMs - RANGES[name] * DAY_MS, endMs };
  const { year, month, day } = zone.wall(endMs);
  return { startMs: Math.min(zone.dayStart(year, month, day), endMs - STEP_MS), endMs };
}
