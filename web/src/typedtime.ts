/**
 * A day and a time as people type them, in the language of the page: "14:03", "yesterday 14:03", "26.11. 8:00",
 * "Nov 26, 2026, 14:03:07", "26 thg 11", "вчера в 14:03", or a pasted time with its offset. What the page itself
 * writes is read, too. Pure functions.
 */
import type { Meant } from './wallclock';
import { meantBy } from './wallclock';
import type { Wall, Zone } from './zones';

/** Where and when something is typed. */
export interface Here {
  readonly language: string;
  readonly zone: Zone;
  readonly nowMs: number;
}

/** `isDay`: no time was typed, and the begin of the day is given. */
export interface Read extends Meant {
  readonly isDay: boolean;
}

interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}
interface Time {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly restMs: number;
}

const BACK: Record<string, number> = {
  today: 0,
  yesterday: 1,
  сегодня: 0,
  вчера: 1,
  позавчера: 2,
  'hôm nay': 0,
  'hôm qua': 1,
  'hôm kia': 2,
};
const TIME = /(?:^|\s)(\d{1,2})(?:[:h](\d\d)|h|(?=\s*[ap]m))(?::(\d\d)(?:[.,](\d{1,3}))?)?(?:\s*([ap]m))?(?=\s|$)/;
/** Words that stand between a day and a time, or after a year. */
const FILLERS = /(?:^|\s)(?:at|on|the|в|г\.?|lúc|ngày|năm)(?=\s|$)/g;

function timeIn(text: string): { time: Time; rest: string } | null {
  const found = TIME.exec(text);
  if (!found) return null;
  const [whole, hour = '', minute = '0', second = '0', part = '', half = ''] = found;
  const hours = half ? (Number(hour) % 12) + (half === 'pm' ? 12 : 0) : Number(hour);
  const time = { hour: hours, minute: Number(minute), second: Number(second), restMs: Number(part.padEnd(3, '0')) };
  const isTime =
    hours < 24 && time.minute < 60 && time.second < 60 && (!half || (Number(hour) > 0 && Number(hour) <= 12));
  return isTime
    ? { time, rest: `${text.slice(0, found.index)} ${text.slice(found.index + whole.length)}`.trim() }
    : null;
}

const isReal = ({ year, month, day }: Day): boolean => {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
};

/** The day so many days before today. */
function dayBack(here: Here, days: number): Day {
  const { year, month, day } = here.zone.wall(here.nowMs);
  const date = new Date(Date.UTC(year, month - 1, day - days));
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** A day whose year may be missing: that of the last time it came. */
function withYear(here: Here, month: number, day: number, year: number | null): Day {
  if (year !== null) return { year: year < 100 ? 2000 + year : year, month, day };
  const today = dayBack(here, 0);
  const isToCome = month > today.month || (month === today.month && day > today.day);
  return { year: isToCome ? today.year - 1 : today.year, month, day };
}

const yearOf = (text: string | undefined): number | null => (text === undefined ? null : Number(text));

/** "2026-11-26", "26.11.", "26/11/26"; with a slash the month comes first in English, where both are possible. */
function numericDay(text: string, here: Here): Day | null {
  const byYear = /^(\d{4})[-./](\d{1,2})[-./](\d{1,2})$/.exec(text);
  if (byYear) return { year: Number(byYear[1]), month: Number(byYear[2]), day: Number(byYear[3]) };
  const found = /^(\d{1,2})([-./])(\d{1,2})(?:[-./](\d{4}|\d\d))?\.?$/.exec(text);
  if (!found) return null;
  const [one, other] = [Number(found[1]), Number(found[3])];
  const isMonthFirst = found[2] === '/' && here.language === 'en' && one <= 12;
  const [month, day] = isMonthFirst || other > 12 ? [one, other] : [other, one];
  return withYear(here, month, day, yearOf(found[4]));
}

const months = new Map<string, readonly string[][]>();

/** How the months of a language are written, long and short, alone and after a day. */
function monthNames(language: string): readonly string[][] {
  let found = months.get(language);
  if (!found) {
    const ways = (['long', 'short'] as const).flatMap((month) => [{ month }, { month, day: 'numeric' } as const]);
    const formats = ways.map((way) => new Intl.DateTimeFormat(language, { ...way, timeZone: 'UTC' }));
    found = Array.from({ length: 12 }, (_, month) =>
      formats.map((one) => {
        const parts = one.formatToParts(Date.UTC(2026, month, 15));
        return (parts.find(({ type }) => type === 'month')?.value ?? '').toLowerCase().replace(/\.$/, '');
      }),
    );
    months.set(language, found);
  }
  return found;
}

const LEAST_LETTERS = 3;

function monthOf(word: string, language: string): number | null {
  const asked = word.replace(/\.$/, '');
  if (asked.length < LEAST_LETTERS) return null;
  for (const one of new Set([language, 'en'])) {
    const names = monthNames(one);
    const exact = names.findIndex((ways) => ways.includes(asked));
    const near = exact >= 0 ? exact : names.findIndex((ways) => ways.some((way) => way.startsWith(asked)));
    if (near >= 0) return near + 1;
  }
  return null;
}

/** "26 november 2026", "nov 26", "26 thg 11 2026", "26 tháng 11". */
function namedDay(text: string, here: Here): Day | null {
  const vietnamese = /^(\d{1,2}) (?:thg|tháng) (\d{1,2})(?: (\d{4}))?$/.exec(text);
  if (vietnamese) return withYear(here, Number(vietnamese[2]), Number(vietnamese[1]), yearOf(vietnamese[3]));
  const found = /^(?:(\d{1,2}) ([^\d\s]+)|([^\d\s]+) (\d{1,2}))(?: (\d{4}))?$/.exec(text);
  const month = found && monthOf(found[2] ?? found[3] ?? '', here.language);
  return month ? withYear(here, month, Number(found[1] ?? found[4]), yearOf(found[5])) : null;
}

/** A day of the week: the last time it came, today left out. */
function weekday(text: string, here: Here): Day | null {
  if (text.length < 2) return null;
  for (let days = 1; days <= 7; days += 1) {
    const { year, month, day } = dayBack(here, days);
    const names = [here.language, 'en'].flatMap((language) =>
      (['long', 'short'] as const).map((way) =>
        new Intl.DateTimeFormat(language, { weekday: way, timeZone: 'UTC' }).format(Date.UTC(year, month - 1, day)),
      ),
    );
    if (names.some((name) => name.toLowerCase().replace(/\.$/, '') === text)) return dayBack(here, days);
  }
  return null;
}

function dayIn(text: string, here: Here): Day | null {
  const days = BACK[text];
  const found =
    days === undefined ? (numericDay(text, here) ?? namedDay(text, here) ?? weekday(text, here)) : dayBack(here, days);
  return found && isReal(found) ? found : null;
}

/** Without a day that of today is meant, or of yesterday where it has not come yet. */
function lastTime(time: Time, here: Here): Day {
  const today = dayBack(here, 0);
  return here.zone.instant({ ...today, ...time }) > here.nowMs ? dayBack(here, 1) : today;
}

/** Return which instants a text means; null where it is none. */
export function readTyped(text: string, here: Here): Read | null {
  const given = text.trim();
  const ownMs = /\d(?:Z|[+-]\d\d:?\d\d)$/.test(given) ? Date.parse(given.replace(' ', 'T')) : Number.NaN;
  if (Number.isFinite(ownMs) && /T|:/.test(given)) return { instants: [ownMs], isLeftOut: false, isDay: false };
  const plain = given
    .toLowerCase()
    .replace(/(\d)t(\d)/, '$1 $2')
    .replace(/,(?!\d)/g, ' ')
    .replace(FILLERS, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const timed = timeIn(plain);
  const rest = timed ? timed.rest.replace(/\s+/g, ' ') : plain;
  const day = rest === '' ? timed && lastTime(timed.time, here) : dayIn(rest, here);
  if (!day) return null;
  const { restMs, ...clock } = timed?.time ?? { hour: 0, minute: 0, second: 0, restMs: 0 };
  const wall: Wall = { ...day, ...clock };
  const { instants, isLeftOut } = meantBy(here.zone, wall);
  return { instants: instants.map((ms) => ms + restMs), isLeftOut, isDay: timed === null };
}
