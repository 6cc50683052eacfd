/** How far the service's clock is ahead of this machine's, as its answers tell. */

/** The Date of an answer has whole seconds: what it errs by is less than this, and nothing to correct. */
const LEAST_MS = 2000;

/**
 * How far ahead it is after an answer, `knownMs` before it. The answer's Date was written between asking and having it, by
 * this machine's clock: only what contradicts that is corrected, so that an answer that takes long spoils nothing.
 */
export function aheadAfter(knownMs: number, date: string | null, askedMs: number, hadMs: number): number {
  const dateMs = Date.parse(date ?? '');
  const [leastMs, mostMs] = [dateMs - hadMs, dateMs + 1000 - askedMs];
  if (!(knownMs < leastMs || knownMs > mostMs)) return knownMs; // an answer without a Date contradicts nothing
  const aheadMs = (leastMs + mostMs) / 2;
  return Math.abs(aheadMs) < LEAST_MS ? 0 : aheadMs;
}
