/** Between instants and what stands in a field for day and time: pure functions. */
import type { Wall, Zone } from './zones';

const two = (value: number): string => String(value).padStart(2, '0');

/** "2026-11-27T14:03:07": a reading of the wall clock as a field for day and time takes it. */
export function fieldText(zone: Zone, ms: number): string {
  const { year, month, day, hour, minute, second } = zone.wall(ms);
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`;
}

/** Return the reading that stands in a field; null where it is none. */
export function readField(text: string): Wall | null {
  const found = /^(\d{4,})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?$/.exec(text);
  if (!found) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1)
    .map((part) => Number(part ?? 0));
  return { year, month, day, hour, minute, second };
}

/** What a reading means in a zone: one instant, two where clocks were put back, or what follows where it is left out. */
export interface Meant {
  readonly instants: readonly number[];
  readonly isLeftOut: boolean;
}

export function meantBy(zone: Zone, wall: Wall): Meant {
  const instants = zone.instants(wall);
  return instants.length ? { instants, isLeftOut: false } : { instants: [zone.instant(wall)], isLeftOut: true };
}
