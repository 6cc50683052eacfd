import { expect, test } from 'vitest';
import { DAY_MS } from '../lengths';
import { zoneOf } from '../zones';
import { rangeOf } from './lossranges';

const at = (text: string): number => Date.parse(text);
const today = (zone: string, now: string) => new Date(rangeOf('today', zoneOf(zone), at(now)).startMs).toISOString();

test('today begins at midnight, also on the days on which clocks are set', () => {
  expect(today('Europe/Berlin', '2026-11-27T12:00:59Z')).toBe('2026-11-26T23:00:00.000Z');
  expect(today('Europe/Berlin', '2026-03-29T12:00:00Z')).toBe('2026-03-28T23:00:00.000Z');
  expect(today('Europe/Berlin', '2026-10-25T12:00:00Z')).toBe('2026-10-24T22:00:00.000Z');
  expect(today('Asia/Ho_Chi_Minh', '2026-03-29T12:00:00Z')).toBe('2026-03-28T17:00:00.000Z');
});

test('where there is no midnight today begins with its first moment', () => {
  expect(today('America/Sao_Paulo', '2018-11-04T12:00:00Z')).toBe('2018-11-04T03:00:00.000Z');
});

test('ranges end with a whole minute and are never empty', () => {
  expect(rangeOf('today', zoneOf('UTC'), at('2026-11-27T00:00:20Z'))).toEqual({
    startMs: at('2026-11-26T23:59:00Z'),
    endMs: at('2026-11-27T00:00:00Z'),
  });
  const { startMs, endMs } = rangeOf('week', zoneOf('UTC'), at('2026-11-27T12:34:56Z'));
  expect([endMs, endMs - startMs]).toEqual([at('2026-11-27T12:34:00Z'), 7 * DAY_MS]);
});
