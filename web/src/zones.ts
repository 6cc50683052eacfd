/**
 * Wall clocks of a time zone, by what Intl knows of it: days of 23 and 25 hours, midnights that do not exist, days that
 * were left out. Temporal, which would do most of this, is not in all browsers that we serve.
 */

import { DAY_MS, HOUR_MS } from './lengths';

/** A wall clock's reading; `month` is 1 to 12. */
export interface Wall {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** A stretch in which the wall clock is ahead of UTC by the same time. */
export interface Steady {
  readonly startMs: number;
  readonly endMs: number;
  readonly aheadMs: number;
}

const MOST_KEPT = 20_000;
const PROBE_MS = 12 * HOUR_MS;

/** The milliseconds since the epoch of a reading, were it of UTC. */
export function asUtc(wall: Wall): number {
  return Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
}

export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #kept = new Map<number, number>();
  readonly #changes = new Map<number, number | null>();

  /** Raises RangeError where there is no such zone. */
  constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone: name,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** By how much the wall clock is ahead of UTC at an instant. */
  aheadMs(ms: number): number {
    const hour = Math.floor(ms / HOUR_MS);
    const before = this.#aheadAt(hour);
    return before === this.#aheadAt(hour + 1) ? before : this.#measure(ms);
  }

  wall(ms: number): Wall {
    const shifted = new Date(ms + this.aheadMs(ms));
    return {
      year: shifted.getUTCFullYear(),
      month: shifted.getUTCMonth() + 1,
      day: shifted.getUTCDate(),
      hour: shifted.getUTCHours(),
      minute: shifted.getUTCMinutes(),
      second: shifted.getUTCSeconds(),
    };
  }

  /** All instants at which the wall clock reads this, in order: none where it jumps over it, two where it goes back. */
  instants(wall: Wall): number[] {
    const utcMs = asUtc(wall);
    const offsets = new Set([this.aheadMs(utcMs - DAY_MS), this.aheadMs(utcMs + DAY_MS), this.aheadMs(utcMs)]);
    const found = [...offsets].map((aheadMs) => utcMs - aheadMs);
    return found.filter((ms) => ms + this.aheadMs(ms) === utcMs).sort((one, other) => one - other);
  }

  /** The first instant at which the wall clock reads this; what is jumped over counts on from before the jump. */
  instant(wall: Wall): number {
    const utcMs = asUtc(wall);
    return this.instants(wall)[0] ?? utcMs - this.aheadMs(utcMs - DAY_MS);
  }

  /** When a day of the calendar begins. `month` and `day` may be out of their ranges, as those of Date.UTC. */
  dayStart(year: number, month: number, day: number): number {
    const date = new Date(Date.UTC(year, month - 1, day));
    return this.instant({
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: 0,
      minute: 0,
      second: 0,
    });
  }

  /** Whether the wall clock reads the same at another instant too. */
  isAmbiguous(ms: number): boolean {
    return this.instants(this.wall(ms)).length > 1;
  }

  /** The stretches of a range between which the wall clock is set, in order and without gaps. */
  steady(startMs: number, endMs: number): Steady[] {
    const found: Steady[] = [];
    let fromMs = startMs;
    for (let cell = Math.floor(startMs / PROBE_MS); cell * PROBE_MS < endMs; cell += 1) {
      const changeMs = this.#changeIn(cell);
      if (changeMs === null || changeMs <= fromMs || changeMs >= endMs) continue;
      found.push({ startMs: fromMs, endMs: changeMs, aheadMs: this.aheadMs(fromMs) });
      fromMs = changeMs;
    }
    found.push({ startMs: fromMs, endMs, aheadMs: this.aheadMs(fromMs) });
    return found;
  }

  /** When the clock is set within a cell of the probes, to the second; null where it is not. */
  #changeIn(cell: number): number | null {
    const kept = this.#changes.get(cell);
    if (kept !== undefined) return kept;
    let [low, high] = [cell * PROBE_MS, (cell + 1) * PROBE_MS];
    const before = this.aheadMs(low);
    const isChanged = this.aheadMs(high) !== before;
    while (isChanged && high - low > 1000) {
      const middle = Math.floor((low + high) / 2000) * 1000;
      if (this.aheadMs(middle) === before) low = middle;
      else high = middle;
    }
    if (this.#changes.size > MOST_KEPT) this.#changes.clear();
    this.#changes.set(cell, isChanged ? high : null);
    return isChanged ? high : null;
  }

  #aheadAt(hour: number): number {
    const kept = this.#kept.get(hour);
    if (kept !== undefined) return kept;
    if (this.#kept.size > MOST_KEPT) this.#kept.clear();
    const found = this.#measure(hour * HOUR_MS);
    this.#kept.set(hour, found);
    return found;
  }

  #measure(ms: number): number {
    const wholeMs = Math.floor(ms / 1000) * 1000;
    const parts: Record<string, string> = {};
    for (const { type, value } of this.#format.formatToParts(wholeMs)) parts[type] = value;
    const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year);
    const number = (name: string) => Number(parts[name]);
    const [month, day] = [number('month'), number('day')];
    const read = { year, month, day, hour: number('hour'), minute: number('minute'), second: number('second') };
    return asUtc(read) - wholeMs;
  }

  /** Which of two equal readings of the wall clock an instant is: "GMT+2". */
  offsetText(ms: number, language: string): string {
    const format = new Intl.DateTimeFormat(language, { timeZone: this.name, timeZoneName: 'shortOffset' });
    return format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  }
}

const zones = new Map<string, Zone>();

/** The one object of a zone, which keeps what was found out. */
export function zoneOf(name: string): Zone {
  let found = zones.get(name);
  if (!found) {
    found = new Zone(name);
    zones.set(name, found);
  }
  return found;
}
