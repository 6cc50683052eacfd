/** Instants in fields, read and written in the chosen time zone: the same for every language, and exact. */

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

/** "2026-11-21 08:00:01.250" */
export const fieldText = (ms: number, zone: string): string =>
  new Date(wallMs(ms, zone)).toISOString().replace('T', ' ').slice(0, -1);

const DAY = /^\d{4}-\d\d-\d\d$/;
const WALL = /^(?:(\d{4}-\d\d-\d\d)[T ])?(\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,3})?)?)$/;

/** What the clock shows by a text, as milliseconds of a clock in UTC that shows the same; NaN where it is none. */
function readMs(text: string, day: string): number {
  const [, ownDay = day, time = ''] = WALL.exec(text) ?? [];
  if (!time || !DAY.test(ownDay)) return Number.NaN;
  return Date.parse(
    `${ownDay}T${time.padStart(time.indexOf(':') === 1 ? time.length + 1 : 0, '0').replace(',', '.')}Z`,
  );
}

/**
 * The instant of such a text; null where it is none. Seconds may be left out, the day too where `day` ("2026-11-21") is
 * given, and a text with an offset says which instant it is by itself. Of two instants that the clocks show the same, when
 * they are put back, it is the first; a time that they leave out counts on from before the jump.
 */
export function fieldMs(text: string, zone: string, day = ''): number | null {
  const given = text.trim();
  const ownMs = /(?:Z|[+-]\d\d:\d\d)$/.test(given) ? Date.parse(given.replace(' ', 'T')) : Number.NaN;
  if (Number.isFinite(ownMs)) return ownMs;
  const asUtcMs = readMs(given, day);
  if (!Number.isFinite(asUtcMs)) return null;
  const dayMs = 86_400_000;
  const candidates = [asUtcMs - dayMs, asUtcMs + dayMs].map((nearMs) => asUtcMs - (wallMs(nearMs, zone) - nearMs));
  const right = candidates.filter((ms) => wallMs(ms, zone) === asUtcMs);
  return right.length ? Math.min(...right) : (candidates[0] ?? null);
}
