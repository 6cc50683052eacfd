import { expect, test } from 'vitest';
import type { Entry } from './playlist';
import { Shelf } from './shelf';

const init = { uri: '/init.mp4', range: null };
const entry = (startMs: number, endMs: number): Entry => ({
  uri: `/${startMs}`,
  range: null,
  init,
  startMs,
  endMs,
  isCut: false,
});
const starts = (shelf: Shelf) => shelf.entries.map((one) => one.startMs);

test('windows that meet are one, and what both have is there once', () => {
  const shelf = new Shelf();
  shelf.add([entry(1000, 3000), entry(3000, 5000)], 1000, 5000);
  shelf.add([entry(3000, 5000), entry(5000, 7000)], 5000, 8000);
  expect(starts(shelf)).toEqual([1000, 3000, 5000]);
  expect(shelf.known).toEqual({ startMs: 1000, endMs: 8000 });
  expect(shelf.spans).toEqual([{ startMs: 1000, endMs: 7000 }]);
  shelf.add([entry(0, 1000)], -2000, 1000);
  expect(starts(shelf)).toEqual([0, 1000, 3000, 5000]);
});

test('where a window ends within an entry that is there already, the entry stays', () => {
  const shelf = new Shelf();
  shelf.add([entry(1440, 2440), entry(2440, 3440)], 1440, 3440);
  shelf.add([entry(-560, 440), entry(440, 1440)], -1000, 2000); // without the entry that its end cuts
  expect(starts(shelf)).toEqual([-560, 440, 1440, 2440]);
  expect(shelf.spans).toEqual([{ startMs: -560, endMs: 3440 }]);
});

test('a window elsewhere takes the place of what was known', () => {
  const shelf = new Shelf();
  shelf.add([entry(1000, 3000)], 1000, 5000);
  shelf.add([entry(90_000, 92_000)], 90_000, 95_000);
  expect(starts(shelf)).toEqual([90_000]);
  expect(shelf.isKnown(1000)).toBe(false);
});

test('a gap is told from a seam, and from what is not known', () => {
  const shelf = new Shelf();
  shelf.add([entry(0, 2000), entry(2040, 4000), entry(9000, 11_000)], 0, 20_000);
  expect(shelf.spanAt(2020)).not.toBeNull();
  expect(shelf.spanAt(5000)).toBeNull();
  expect(shelf.isKnown(5000)).toBe(true);
  expect(shelf.isKnown(21_000)).toBe(false);
  expect(shelf.spanAfter(5000)?.startMs).toBe(9000);
  expect(shelf.spanBefore(5000)?.endMs).toBe(4000);
});

test('a lost entry is a gap', () => {
  const shelf = new Shelf();
  shelf.add([entry(0, 2000), entry(2000, 4000)], 0, 4000);
  const [first] = shelf.entries;
  if (first) shelf.lose(first);
  expect(shelf.spanAt(1000)).toBeNull();
});

test('trimming keeps what is near', () => {
  const shelf = new Shelf();
  shelf.add([entry(0, 2000), entry(2000, 4000), entry(4000, 6000)], 0, 6000);
  shelf.trim(2500, 3500);
  expect(starts(shelf)).toEqual([2000]);
  shelf.trim(9000, 10_000);
  expect(shelf.known).toBeNull();
});
