/** Instants in fields of type datetime-local, which know no zone: they are meant in a zone given by its IANA name. */
const MINUTE_MS = 60_000;

function partsOf(ms: number, zone: string): string {
  const found = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(ms);
  const part = (type: string) => found.find((one) => one.type === type)?.value ?? '00';
  return `${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:${part('second')}`;
}

/** An instant as such a field has it: "2026-11-20T22:44:05". */
export const fieldText = (ms: number, zone: string): string => partsOf(ms, zone);

/**
 * The instant that a field means; null for an empty or broken one. Of two equal times, when the clock is put back, the
 * first; a time that the clock leaves out is as far behind the jump.
 */
export function instantOf(text: string, zone: string): number | null {
  const asUtc = Date.parse(`${text}Z`);
  if (!Number.isFinite(asUtc)) return null;
  const shiftAt = (ms: number) => Date.parse(`${partsOf(ms, zone)}Z`) - Math.floor(ms / 1000) * 1000;
  const before = shiftAt(asUtc - 1440 * MINUTE_MS);
  const first = asUtc - before;
  const after = shiftAt(first);
  return after === before || shiftAt(asUtc - after) !== after ? first : asUtc - after;
}
