/** Where a clip begins and ends: the rules of setting marks. An end lies behind its begin, always. */
import type { Marks } from '../moment';
import type { Side } from './typing';

/** Set the begin; an end that would lie before it is taken away. */
export function withIn(marks: Marks, inMs: number): Marks {
  return { inMs, outMs: marks.outMs !== null && marks.outMs > inMs ? marks.outMs : null };
}

/** Set the end; a begin that would lie behind it is taken away. */
export function withOut(marks: Marks, outMs: number): Marks {
  return { inMs: marks.inMs !== null && marks.inMs < outMs ? marks.inMs : null, outMs };
}

/**
 * Whether a mark would make a clip of no length of one that is being marked: the other mark alone stands at that moment.
 * Of a whole clip it is no slip: what begins where one ends, or ends where one begins, is the next clip.
 */
export function isNoLength(side: Side, ms: number, { inMs, outMs }: Marks): boolean {
  return side === 'in' ? inMs === null && outMs === ms : outMs === null && inMs === ms;
}

/** A stretch of so long around a moment, that does not reach beyond now. */
export function around(momentMs: number, lengthMs: number, nowMs: number): Marks {
  const outMs = Math.min(momentMs + lengthMs / 2, nowMs);
  return { inMs: outMs - lengthMs, outMs };
}

/** Begin and end of a clip; null while one of them is not set, or they are the wrong way round (by an address). */
export function clipOf({ inMs, outMs }: Marks): { startMs: number; endMs: number } | null {
  return inMs !== null && outMs !== null && inMs < outMs ? { startMs: inMs, endMs: outMs } : null;
}
