/** What a time that was typed for a mark means, or what is wrong with it: pure functions. */

import { isInReach } from '../isotimes';
import type { Marks } from '../moment';
import { meaningOf } from '../wallclock';

export type Side = 'in' | 'out';
/** No time at all, none that anybody means, or begin and end the wrong way round. */
export type Problem = 'wrongTime' | 'outOfReach' | 'wrongOrder';

export interface Taken {
  readonly ms: number;
  /** The clocks were put forward over the time that was typed; the moment after it is taken. */
  readonly isLeftOut: boolean;
}

export const isProblem = (read: Taken | Problem): read is Problem => typeof read === 'string';

/** Whether a clip may begin or end at a moment, as the other mark stands. */
export function isOrdered(side: Side, ms: number, { inMs, outMs }: Marks): boolean {
  return side === 'in' ? outMs === null || ms < outMs : inMs === null || ms > inMs;
}

/**
 * Read what was typed for one mark, in a zone; `day` ("2026-11-21") is meant where none is typed. Of two moments that the
 * clocks show the same it is the first that lies on the right side of the other mark.
 */
export function readMark(side: Side, text: string, zone: string, day: string, marks: Marks): Taken | Problem {
  const meant = meaningOf(text, zone, day);
  if (!meant) return 'wrongTime';
  const found = meant.instants.filter(isInReach);
  if (!found.length) return 'outOfReach';
  const ms = found.find((one) => isOrdered(side, one, marks));
  return ms === undefined ? 'wrongOrder' : { ms, isLeftOut: meant.isLeftOut };
}

/** The moments that a clock in the zone shows like this one: more than one where it was put back. */
export function alike(ms: number, zone: string, exactText: string): readonly number[] {
  const instants = meaningOf(exactText, zone)?.instants ?? [];
  return instants.includes(ms) ? instants : [ms];
}
