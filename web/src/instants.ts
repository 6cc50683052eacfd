/** Instants (milliseconds since the epoch) and numbers as people write them, in the chosen language and time zone. */
import { effect, signal } from '@preact/signals';
import { aheadAfter } from './serviceclock';
import { language } from './words';
import { zoneOf } from './zones';

export { isoOf, parseMoment } from './isotimes';

const KEPT = 'zone';

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

const kept = localStorage.getItem(KEPT) ?? '';
/** The time zone of all clocks, by its IANA name; empty: that of this browser. */
export const zone = signal(kept && isZone(kept) ? kept : '');
effect(() => localStorage.setItem(KEPT, zone.value));

/** Names that browsers still give for places that are called otherwise today; both are understood everywhere. */
const TODAY: Record<string, string> = {
  'Africa/Asmera': 'Africa/Asmara',
  'America/Godthab': 'America/Nuuk',
  'Asia/Calcutta': 'Asia/Kolkata',
  'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon',
  'Asia/Saigon': 'Asia/Ho_Chi_Minh',
  'Atlantic/Faeroe': 'Atlantic/Faroe',
  'Europe/Kiev': 'Europe/Kyiv',
  'Pacific/Enderbury': 'Pacific/Kanton',
  'Pacific/Ponape': 'Pacific/Pohnpei',
  'Pacific/Truk': 'Pacific/Chuuk',
};
const nameToday = (name: string): string => TODAY[name] ?? name;

export const browserZone = nameToday(Intl.DateTimeFormat().resolvedOptions().timeZone);
/** All zones that can be chosen, UTC first. */
export const zoneNames = (): string[] => [
  'UTC',
  ...Intl.supportedValuesOf('timeZone')
    .map(nameToday)
    .filter((name) => name !== 'UTC')
    .sort(),
];
export const zoneName = (): string => zone.value || browserZone;

let serverAheadMs = 0;

/** Now by the clock of the service, whatever this machine's clock says. */
export const nowMs = (): number => Date.now() + serverAheadMs;

/** Learn the service's clock from the Date of an answer that is made now: what a browser kept tells of when it got it. */
export function noteClock(date: string | null, askedMs: number): void {
  serverAheadMs = aheadAfter(serverAheadMs, date, askedMs, Date.now());
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** A formatter of the chosen language and zone, made once for each kind. */
export function formatter(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([language.value, zone.value, options]);
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(language.value, { ...options, timeZone: zoneName() });
    formats.set(key, found);
  }
  return found;
}

const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
/** "14:03:07"; with `digits` of the second's fraction "14:03:07.25". */
export function clockText(ms: number, digits: 0 | 1 | 2 | 3 = 0): string {
  return formatter(digits ? { ...TIME, fractionalSecondDigits: digits } : TIME).format(ms);
}
export const dayText = (ms: number): string => formatter({ dateStyle: 'medium' }).format(ms);
/** "27 Nov 2026, 14:03:07"; the day is left out where it, and that of each moment it is read `beside`, is today. */
export function momentText(ms: number, ...beside: number[]): string {
  const today = dayText(nowMs());
  return [ms, ...beside].every((one) => dayText(one) === today) ? clockText(ms) : `${dayText(ms)}, ${clockText(ms)}`;
}

/**
 * "27 Nov 2026, 14:03:07 – 14:05:00", with both days where they are two, and both offsets where the clocks are set
 * between. Left out is the day that both ends share, where it is today, or `isDayKnown` says that it is told beside it.
 */
export function spanText(startMs: number, endMs: number, isDayKnown = false): string {
  const isOneDay = dayText(startMs) === dayText(endMs);
  if (!isOneDay) return `${momentText(startMs, endMs)} – ${momentText(endMs, startMs)}`;
  const zone = zoneOf(zoneName());
  const isSet = zone.aheadMs(startMs) !== zone.aheadMs(endMs);
  const clock = (ms: number) =>
    isSet ? formatter({ ...TIME, timeZoneName: 'shortOffset' }).format(ms) : clockText(ms);
  const isBare = isDayKnown || dayText(startMs) === dayText(nowMs());
  return `${isBare ? '' : `${dayText(startMs)}, `}${clock(startMs)} – ${clock(endMs)}`;
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

/** "2 days 3 hr", "5 min 7 sec", "0.4 sec": the two greatest units. */
export function durationText(ms: number): string {
  const unitText = (value: number, unit: string, digits = 0) =>
    value.toLocaleString(language.value, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits });
  const secondsAll = Math.abs(ms) / 1000;
  if (secondsAll < 10) return unitText(secondsAll, 'second', 1);
  let left = Math.round(secondsAll);
  const parts: string[] = [];
  for (const [unit, lengthS] of UNITS) {
    if (left >= lengthS) parts.push(unitText(Math.floor(left / lengthS), unit));
    left %= lengthS;
  }
  if (left) parts.push(unitText(left, 'second'));
  return parts.slice(0, 2).join(' ');
}

export const numberText = (value: number, digits = 0): string =>
  value.toLocaleString(language.value, { maximumFractionDigits: digits });

const BYTES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;

/** "1.4 GB": powers of 1000, as disks are sold. */
export function bytesText(bytes: number): string {
  const power = Math.min(BYTES.length - 1, Math.max(0, Math.floor(Math.log10(Math.abs(bytes) || 1) / 3)));
  const value = bytes / 1000 ** power;
  const unit = BYTES[power] ?? 'byte';
  return value.toLocaleString(language.value, {
    style: 'unit',
    unit,
    unitDisplay: power ? 'short' : 'long',
    maximumFractionDigits: value < 10 && power ? 1 : 0,
  });
}
