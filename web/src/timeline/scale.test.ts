import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../lengths';
import {
  around,
  between,
  bounded,
  following,
  LEAST_MS,
  MOST_MS,
  msOf,
  panned,
  revealed,
  spanOf,
  xOf,
  zoomed,
} from './scale';

const NOW = Date.UTC(2026, 10, 27, 12);
const VIEW = { startMs: NOW - 2 * HOUR_MS, endMs: NOW - HOUR_MS };

/** A seeded series of numbers from 0 to 1, so that a failure comes again. */
function* chances(count: number): Generator<number> {
  let state = 20261127;
  for (let number = 0; number < count; number += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

test('a place on the screen and its moment lead to one another', () => {
  for (const chance of chances(200)) {
    const x = chance * 1600;
    expect(xOf(VIEW, 1600, msOf(VIEW, 1600, x))).toBeCloseTo(x, 6);
  }
});

test('zooming keeps the moment under the pointer where it is', () => {
  for (const chance of chances(200)) {
    const anchorMs = msOf(VIEW, 1000, chance * 1000);
    const near = zoomed(VIEW, 0.25, anchorMs, NOW);
    expect(spanOf(near)).toBeCloseTo(HOUR_MS / 4, 3);
    expect(xOf(near, 1000, anchorMs)).toBeCloseTo(chance * 1000, 3);
  }
});

test('no zoom shows less than seconds or more than a year and a month', () => {
  let view = VIEW;
  for (let turn = 0; turn < 60; turn += 1) view = zoomed(view, 0.5, VIEW.startMs, NOW);
  expect(spanOf(view)).toBe(LEAST_MS);
  for (let turn = 0; turn < 60; turn += 1) view = zoomed(view, 2, VIEW.startMs, NOW);
  expect(spanOf(view)).toBe(MOST_MS);
});

test('there and back again is the same view', () => {
  expect(panned(panned(VIEW, -DAY_MS, NOW), DAY_MS, NOW)).toEqual(VIEW);
});

test('at most half of a view lies in the future', () => {
  const far = bounded({ startMs: NOW + DAY_MS, endMs: NOW + 2 * DAY_MS }, NOW);
  expect(far).toEqual({ startMs: NOW - DAY_MS / 2, endMs: NOW + DAY_MS / 2 });
  expect(panned(VIEW, 100 * DAY_MS, NOW).endMs).toBe(NOW + HOUR_MS / 2);
});

test('a moment that is seen does not move the view, another is put into its middle', () => {
  expect(revealed(VIEW, NOW - 1.5 * HOUR_MS, NOW)).toBe(VIEW);
  const moved = revealed(VIEW, NOW - 5 * HOUR_MS, NOW);
  expect(moved).toEqual(around(NOW - 5 * HOUR_MS, HOUR_MS, NOW));
});

test('a view that follows ends a little after now', () => {
  const view = following(HOUR_MS, NOW);
  expect(spanOf(view)).toBe(HOUR_MS);
  expect(view.endMs).toBeGreaterThan(NOW);
  expect(view.endMs - NOW).toBeLessThan(HOUR_MS / 10);
});

test('a glide begins at one view, ends at the other, and never turns back', () => {
  const to = { startMs: NOW - 40 * DAY_MS, endMs: NOW };
  expect(between(VIEW, to, 0)).toEqual(VIEW);
  expect(spanOf(between(VIEW, to, 1))).toBeCloseTo(spanOf(to), 3);
  expect(between(VIEW, to, 1).startMs).toBeCloseTo(to.startMs, 3);
  const lengths = Array.from({ length: 21 }, (_, step) => spanOf(between(VIEW, to, step / 20)));
  expect(lengths).toEqual([...lengths].sort((one, other) => one - other));
});
