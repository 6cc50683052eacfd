/** Where the lines of the grid stand: at round readings of the chosen zone's wall clock. */

import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../lengths';
import type { Zone } from '../zones';
import { spanOf, type View } from './scale';

export type Unit = 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';

export interface Step {
  readonly unit: Unit;
  readonly count: number;
  /** About so long: exactly up to hours. */
  readonly lengthMs: number;
}

/** A stretch of the calendar, cut at the edges of the view: what the ticks' labels leave unsaid. */
export interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

const step = (unit: Unit, unitMs: number) => (count: number) => ({ unit, count, lengthMs: count * unitMs });

export const STEPS: readonly Step[] = [
  ...[1, 2, 5, 10, 15, 30].map(step('second', SECOND_MS)),
  ...[1, 2, 5, 10, 15, 30].map(step('minute', MINUTE_MS)),
  ...[1, 2, 3, 6, 12].map(step('hour', HOUR_MS)),
  ...[1].map(step('day', DAY_MS)),
  ...[1].map(step('week', 7 * DAY_MS)),
  ...[1, 3].map(step('month', 30 * DAY_MS)),
  ...[1].map(step('year', 365 * DAY_MS)),
];

/** Return the finest step whose lines are at least so far apart. */
export function stepFor(view: View, width: number, leastPx: number): Step {
  const leastMs = (spanOf(view) * leastPx) / Math.max(width, 1);
  return STEPS.find((one) => one.lengthMs >= leastMs) ?? (STEPS.at(-1) as Step);
}

/** Return where the lines of a step stand within a view, in order. */
export function ticksOf(view: View, by: Step, zone: Zone): number[] {
  const found = by.lengthMs < DAY_MS ? clockTicks(view, by.lengthMs, zone) : dateTicks(view, by, zone);
  return found.filter((ms, number) => ms >= view.startMs && ms < view.endMs && ms !== found[number - 1]);
}

/** An hour that comes twice has its lines twice; one that is left out has none. */
function clockTicks(view: View, lengthMs: number, zone: Zone): number[] {
  const found: number[] = [];
  for (const { startMs, endMs, aheadMs } of zone.steady(view.startMs, view.endMs)) {
    const firstMs = Math.ceil((startMs + aheadMs) / lengthMs) * lengthMs - aheadMs;
    for (let ms = firstMs; ms < endMs; ms += lengthMs) found.push(ms);
  }
  return found;
}

function dateTicks(view: View, by: Step, zone: Zone): number[] {
  const found: number[] = [];
  const { year, month, day } = zone.wall(view.startMs);
  for (let number = 0; ; number += 1) {
    const ms = dateTick(by, number, { year, month, day }, zone);
    if (ms >= view.endMs) return found;
    found.push(ms);
  }
}

/** Return the line `number` steps after the one at or before a date. */
function dateTick(by: Step, number: number, date: { year: number; month: number; day: number }, zone: Zone): number {
  const { year, month, day } = date;
  if (by.unit === 'day') return zone.dayStart(year, month, day + number * by.count);
  if (by.unit === 'week') {
    const sinceMonday = (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7;
    return zone.dayStart(year, month, day - sinceMonday + 7 * number * by.count);
  }
  if (by.unit === 'month') {
    const first = Math.floor((month - 1) / by.count) * by.count;
    return zone.dayStart(year, 1 + first + number * by.count, 1);
  }
  return zone.dayStart(year + number * by.count, 1, 1);
}

/** Which part of the calendar stands above the ticks: the smallest that their labels do not say. */
export function contextUnit(by: Step): 'day' | 'month' | 'year' {
  if (by.lengthMs < DAY_MS) return 'day';
  return by.unit === 'day' || by.unit === 'week' ? 'month' : 'year';
}

/** Return the days, months or years of a view. */
export function contextOf(view: View, unit: 'day' | 'month' | 'year', zone: Zone): Stretch[] {
  const inner = dateTicks(view, { unit, count: 1, lengthMs: DAY_MS }, zone);
  const edges = [view.startMs, ...inner.filter((ms) => ms > view.startMs), view.endMs];
  const found: Stretch[] = [];
  for (const [number, endMs] of edges.slice(1).entries()) {
    const startMs = edges[number] as number;
    if (endMs > startMs) found.push({ startMs, endMs });
  }
  return found;
}
