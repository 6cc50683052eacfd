import { expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS } from './lengths';
import { aheadAfter } from './serviceclock';

const ASKED_MS = Date.parse('2026-11-27T12:00:00Z');
/** What is known after an answer that took so long and was dated when so much of that had passed. */
const after = (knownMs: number, aheadMs: number, tookMs: number, part: number) => {
  const date = new Date(ASKED_MS + aheadMs + tookMs * part).toUTCString();
  return aheadAfter(knownMs, date, ASKED_MS, ASKED_MS + tookMs);
};

test('a clock that is right stays so, however long an answer takes and whenever it is dated', () => {
  for (const tookMs of [0, 40, 1700, 11_000, 60_000]) {
    for (const part of [0, 0.5, 1]) expect([tookMs, part, after(0, 0, tookMs, part)]).toEqual([tookMs, part, 0]);
  }
});

test('a wrong clock is corrected by a quick answer within a second', () => {
  for (const aheadMs of [-HOUR_MS, -3 * MINUTE_MS - 250, 5000, HOUR_MS + 999]) {
    expect(Math.abs(after(0, aheadMs, 100, 0.5) - aheadMs)).toBeLessThanOrEqual(1000);
  }
});

test('what a slow answer corrected roughly, the next quick one corrects well', () => {
  const roughMs = after(0, MINUTE_MS, 11_000, 1);
  expect(Math.abs(roughMs - MINUTE_MS)).toBeLessThanOrEqual(6000);
  expect(Math.abs(after(roughMs, MINUTE_MS, 100, 0.5) - MINUTE_MS)).toBeLessThanOrEqual(1000);
  expect(after(MINUTE_MS, MINUTE_MS, 11_000, 1)).toBe(MINUTE_MS);
});

test('less than two seconds are no error, and a clock that was set right is right again', () => {
  expect(after(0, 1500, 50, 0.5)).toBe(0);
  expect(after(HOUR_MS, 0, 50, 0.5)).toBe(0);
});

test('an answer without a Date, or with nonsense there, teaches nothing', () => {
  expect(aheadAfter(7000, null, ASKED_MS, ASKED_MS)).toBe(7000);
  expect(aheadAfter(7000, 'yesterday', ASKED_MS, ASKED_MS)).toBe(7000);
});
