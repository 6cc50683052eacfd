import { expect, test } from 'vitest';
import { backOffMs, Pacing, PERIOD_MS } from './pacing';

function paced(count: number, most = 3): Pacing {
  const pacing = new Pacing(most);
  for (let id = 1; id <= count; id += 1) pacing.show(id);
  return pacing;
}

test('no more stills are under way than allowed, and all cameras have their turn', () => {
  const pacing = paced(5);
  expect(pacing.take(0)).toEqual([1, 2, 3]);
  expect(pacing.take(0)).toEqual([]);
  expect(pacing.dueMs()).toBeNull();
  pacing.done(1, 10, true);
  pacing.done(3, 10, true);
  expect(pacing.take(10)).toEqual([4, 5]);
});

test('a camera is asked again after its period, and one out of sight not at all', () => {
  const pacing = paced(1);
  pacing.setPeriod(1, PERIOD_MS.cheap);
  pacing.take(0);
  pacing.done(1, 100, true);
  expect(pacing.take(100)).toEqual([]);
  expect(pacing.dueMs()).toBe(100 + PERIOD_MS.cheap);
  pacing.hide(1);
  expect(pacing.take(1e9)).toEqual([]);
  expect(pacing.dueMs()).toBeNull();
  pacing.show(1);
  expect(pacing.take(1e9)).toEqual([1]);
});

test('a camera with two tiles is asked once, and goes on while one of them is seen', () => {
  const pacing = paced(1);
  pacing.show(1);
  expect(pacing.take(0)).toEqual([1]);
  pacing.done(1, 0, true);
  pacing.hide(1);
  expect(pacing.take(1e9)).toEqual([1]);
});

test('silent cameras are asked more and more rarely, and hold one place at most', () => {
  const pacing = paced(4);
  pacing.take(0);
  for (const id of [1, 2, 3]) pacing.done(id, 0, false);
  expect(pacing.take(0)).toEqual([4]);
  pacing.done(4, 0, true);
  const laterMs = backOffMs(1);
  expect(pacing.take(laterMs)).toEqual([1]); // 2 and 3 wait for it, 4 is not due yet
  pacing.done(1, laterMs, false);
  expect(pacing.take(1e6)).toEqual([2, 4]);
  expect([1, 2, 3, 9].map(backOffMs)).toEqual([4000, 8000, 16_000, 60_000]);
});

test('a camera that gives pictures at once from now on is due sooner, and one is asked at once when somebody wants it', () => {
  const pacing = paced(1);
  pacing.take(0);
  pacing.done(1, 0, true);
  pacing.setPeriod(1, PERIOD_MS.cheap);
  expect(pacing.dueMs()).toBe(PERIOD_MS.cheap);
  expect(pacing.take(PERIOD_MS.cheap)).toEqual([1]);
  pacing.done(1, PERIOD_MS.cheap, false);
  expect(pacing.take(PERIOD_MS.cheap)).toEqual([]);
  pacing.hurry(1);
  expect(pacing.take(PERIOD_MS.cheap)).toEqual([1]);
});
