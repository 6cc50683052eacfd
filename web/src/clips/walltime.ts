/** Instants in fields of a date and a time (`datetime-local`), read and written in the chosen time zone. */

const PARTS = ['year', 'month', 'day', 'hour', 'minute', 'second'] as const;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone);
  if (!found) {
    const two = '2-digit';
    const options = { year: 'numeric', month: two, day: two, hour: two, minute: two, second: two } as const;
    found = new Intl.DateTimeFormat('en-CA-u-nu-latn', { ...options, hourCycle: 'h23', timeZone: zone });
    formats.set(zone, found);
  }
  return found;
}

/** What the clocks of a zone show, as milliseconds since the epoch of a clock in UTC that shows the same. */
function wallMs(ms: number, zone: string): number {
  const read = new Map(
    formatOf(zone)
      .formatToParts(ms)
      .map(({ type, value }) => [type as string, Number(value)]),
  );
  const [year = 0, month = 1, ...time] = PARTS.map((name) => read.get(name) ?? 0);
  return Date.UTC(year, month - 1, ...time) + (((ms % 1000) + 1000) % 1000);
}

/** "2026-11-21T08:00:01.250" */
export const fieldText = (ms: number, zone: string): string => new Date(wallMs(ms, zone)).toISOString().slice(0, -1);

/**
 * The instant of such a text; null where it is none. Of two that the clocks show the same, when they are put back, it is
 * the first; a time that they leave out counts on from before the jump.
 */
export function fieldMs(text: string, zone: string): number | null {
  const asUtcMs = /^\d{4,6}-\d\d-\d\dT\d\d:\d\d/.test(text) ? Date.parse(`${text}Z`) : Number.NaN;
  if (!Number.isFinite(asUtcMs)) return null;
  const dayMs = 86_400_000;
  const candidates = [asUtcMs - dayMs, asUtcMs + dayMs].map((nearMs) => asUtcMs - (wallMs(nearMs, zone) - nearMs));
  const right = candidates.filter((ms) => wallMs(ms, zone) === asUtcMs);
  return right.length ? Math.min(...right) : (candidates[0] ?? null);
}
