/** Where a clip begins and ends: the rules of setting marks. An end lies behind its begin, always. */
import type { Marks } from '../moment';

/** Set the begin; an end that would lie before it is taken away. */
export function withIn(marks: Marks, inMs: number): Marks {
  return { inMs, outMs: marks.outMs !== null && marks.outMs > inMs ? marks.outMs : null };
}

/** Set the end; a begin that would lie behind it is taken away. */
export function withOut(marks: Marks, outMs: number): Marks {
  return { inMs: marks.inMs !== null && marks.inMs < outMs ? marks.inMs : null, outMs };
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
