import { expect, test } from 'vitest';
import { Speed } from './speed';

test('speed and time left are of the last seconds', () => {
  const speed = new Speed();
  for (let second = 0; second <= 60; second += 1) speed.note(second * 1000, second * 1000);
  expect(speed.perSecond).toBe(1000);
  for (let second = 61; second <= 75; second += 1) speed.note(60_000 + (second - 60) * 5000, second * 1000);
  expect(speed.perSecond).toBe(5000);
  expect(speed.leftMs(145_000)).toBe(2000);
});

test('nothing is said of the first moment, nor after a new attempt', () => {
  const speed = new Speed();
  speed.note(0, 0);
  speed.note(900, 100);
  expect(speed.perSecond).toBeNull();
  speed.note(2000, 1000);
  expect(speed.perSecond).toBe(2000);
  speed.note(500, 1100);
  expect(speed.perSecond).toBeNull();
  expect(speed.leftMs(1000)).toBeNull();
});

test('nothing moves: the end cannot be said', () => {
  const speed = new Speed();
  speed.note(10, 0);
  speed.note(10, 5000);
  expect(speed.leftMs(100)).toBeNull();
});
