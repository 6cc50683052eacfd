import { expect, test } from 'vitest';
import { around, clipOf, isNoLength, withIn, withOut } from './marking';

test('an end before a new begin is taken away, and a begin behind a new end', () => {
  expect(withIn({ inMs: 10, outMs: 20 }, 15)).toEqual({ inMs: 15, outMs: 20 });
  expect(withIn({ inMs: 10, outMs: 20 }, 20)).toEqual({ inMs: 20, outMs: null });
  expect(withOut({ inMs: 10, outMs: 20 }, 15)).toEqual({ inMs: 10, outMs: 15 });
  expect(withOut({ inMs: 10, outMs: null }, 10)).toEqual({ inMs: null, outMs: 10 });
});

test('a second mark at the moment of the first is no clip; at an end of a whole clip it begins another', () => {
  expect(isNoLength('out', 10, { inMs: 10, outMs: null })).toBe(true);
  expect(isNoLength('in', 10, { inMs: null, outMs: 10 })).toBe(true);
  expect(isNoLength('out', 11, { inMs: 10, outMs: null })).toBe(false);
  expect(isNoLength('out', 9, { inMs: 10, outMs: null })).toBe(false);
  expect(isNoLength('in', 10, { inMs: 10, outMs: null })).toBe(false);
  expect(isNoLength('out', 10, { inMs: 10, outMs: 20 })).toBe(false);
  expect(isNoLength('in', 20, { inMs: 10, outMs: 20 })).toBe(false);
  expect(isNoLength('in', 10, { inMs: null, outMs: null })).toBe(false);
});

test('a stretch around a moment does not reach into the future', () => {
  expect(around(1000, 600, 9999)).toEqual({ inMs: 700, outMs: 1300 });
  expect(around(1000, 600, 1100)).toEqual({ inMs: 500, outMs: 1100 });
});

test('there is a clip where both marks are set, the right way round', () => {
  expect(clipOf({ inMs: 1, outMs: 2 })).toEqual({ startMs: 1, endMs: 2 });
  for (const marks of [
    { inMs: 1, outMs: null },
    { inMs: null, outMs: 2 },
    { inMs: 2, outMs: 2 },
  ]) {
    expect(clipOf(marks)).toBeNull();
  }
});
