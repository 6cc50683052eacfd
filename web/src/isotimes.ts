/** Instants as the service reads and writes them: pure functions. */

/** What lies before 1970 or behind 2199 is a slip of the fingers, not a moment of footage: half-open, in UTC. */
const FIRST_MS = 0;
const BEYOND_MS = Date.UTC(2200, 0, 1);
export const isInReach = (ms: number): boolean => ms >= FIRST_MS && ms < BEYOND_MS;

/** The instant as the service reads it, exact to the millisecond. */
export const isoOf = (ms: number): string => new Date(ms).toISOString();

/** The instant of an ISO 8601 text with its offset; null for anything else, and for what nobody means. */
export function parseMoment(text: string | null): number | null {
  const ms = text && /(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  return isInReach(ms) ? ms : null; // NaN is not
}
