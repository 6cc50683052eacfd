/** Where the nearest footage of some cameras is, however far away. The timeline answers, also where there is none. */

import { intervalOf, timeline } from './api/footage';
import { nowMs } from './instants';
import { DAY_MS, FIRST_MS } from './lengths';

/** null: there is none. */
export interface Nearest {
  readonly beforeMs: number | null;
  readonly afterMs: number | null;
}

/** The timeline gives so many steps at most. */
const STEPS = 9999;

/** The first and the last instant of footage within [startMs, endMs), as finely as the timeline tells. */
async function edges(ids: readonly number[], startMs: number, endMs: number) {
  if (endMs <= startMs) return null;
  const resolutionS = Math.max(1, Math.ceil((endMs - startMs) / 1000 / STEPS));
  const { sources } = await timeline([...ids], startMs, endMs, resolutionS);
  const spans = sources.flatMap((one) => one.spans.map(intervalOf));
  if (spans.length === 0) return null;
  return {
    firstMs: Math.min(...spans.map((one) => one.startMs)),
    lastMs: Math.max(...spans.map((one) => one.endMs)),
  };
}

/** The footage before and after an instant in a gap of all of these cameras: of the day first, then of all time. */
export async function findNearest(ids: readonly number[], ms: number): Promise<Nearest> {
  const now = nowMs();
  const [dayBefore, dayAfter] = await Promise.all([
    edges(ids, ms - DAY_MS, Math.min(ms, now)),
    edges(ids, ms, Math.min(ms + DAY_MS, now)),
  ]);
  const before = dayBefore ?? (await edges(ids, FIRST_MS, Math.min(ms, now)));
  const after = dayAfter ?? (await edges(ids, ms, now));
  return { beforeMs: before?.lastMs ?? null, afterMs: after?.firstMs ?? null };
}

/** The first and the last instant of all footage of these cameras; null: there is none. */
export const findEdges = (ids: readonly number[]) => edges(ids, FIRST_MS, nowMs());
