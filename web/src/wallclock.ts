/** Between instants and what stands in a field for day and time, which knows no zone: pure functions. */
import { asUtc, type Wall, type Zone, zoneOf } from './zones';

const digits = (value: number, count = 2): string => String(value).padStart(count, '0');

/** "2026-11-27T14:03:07": what the clocks of a zone show, as a field of type datetime-local takes it. */
export function fieldText(ms: number, zone: string): string {
  const { year, month, day, hour, minute, second } = zoneOf(zone).wall(ms);
  const time = [hour, minute, second].map((value) => digits(value)).join(':');
  return `${digits(year, 4)}-${digits(month)}-${digits(day)}T${time}`;
}

/** "2026-11-27 14:03:07.250": the same for people, to the millisecond. */
export const exactText = (ms: number, zone: string): string =>
  `${fieldText(ms, zone).replace('T', ' ')}.${digits(((ms % 1000) + 1000) % 1000, 3)}`;

const READING = /^(\d{4,})-(\d\d)-(\d\d)[T ](\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,3}))?)?$/;

/** A reading of a clock that was typed, and the part of its second. */
interface Typed {
  readonly wall: Wall;
  readonly restMs: number;
}

function read(text: string): Typed | null {
  const found = READING.exec(text);
  if (!found) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const wall = { year, month, day, hour, minute, second };
  const date = new Date(asUtc(wall)); // a day or an hour that there is not comes out as another one
  const isDay = date.getUTCFullYear() === year && date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
  const isReal = isDay && date.getUTCHours() === hour;
  const isWithin = minute < 60 && second < 60;
  return isReal && isWithin ? { wall, restMs: Number((found[7] ?? '').padEnd(3, '0')) } : null;
}

/** Return the reading that stands in a field; null where it is none. */
export const readField = (text: string): Wall | null => read(text)?.wall ?? null;

/** What a reading means in a zone: one instant, two where clocks were put back, or what follows where it is left out. */
export interface Meant {
  readonly instants: readonly number[];
  readonly isLeftOut: boolean;
}

export function meantBy(zone: Zone, wall: Wall): Meant {
  const instants = zone.instants(wall);
  return instants.length ? { instants, isLeftOut: false } : { instants: [zone.instant(wall)], isLeftOut: true };
}

/**
 * What a text means that was typed or pasted; null where it is no time. Seconds may be left out, the day too where `day`
 * ("2026-11-21") is given, and a text with an offset says which instant it is by itself.
 */
export function meaningOf(text: string, zone: string, day = ''): Meant | null {
  const given = text.trim();
  const ownMs = /(?:Z|[+-]\d\d:\d\d)$/.test(given) ? Date.parse(given.replace(' ', 'T')) : Number.NaN;
  if (Number.isFinite(ownMs)) return { instants: [ownMs], isLeftOut: false };
  const typed = read(day && /^\d{1,2}:/.test(given) ? `${day} ${given}` : given);
  if (!typed) return null;
  const { instants, isLeftOut } = meantBy(zoneOf(zone), typed.wall);
  return { instants: instants.map((ms) => ms + typed.restMs), isLeftOut };
}

/**
 * The instant of such a text; null where it is none. Of two instants that the clocks show the same, when they are put
 * back, it is the first; a time that they leave out counts on from before the jump.
 */
export const instantOf = (text: string, zone: string, day = ''): number | null =>
  meaningOf(text, zone, day)?.instants[0] ?? null;
