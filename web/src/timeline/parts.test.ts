/** The small pure parts: memory, lanes, labels, lists, wheels, places for requests. */
import { expect, test } from 'vitest';
import { Keep } from './keep';
import { Labels } from './labels';
import { heightOf, laneAt, laneHeightOf, lanesOf, partsOf } from './lanes';
import { linesOf, sharedOf } from './listing';
import { wheelFactor, wheelPx } from './pointing';
import { pushAt } from './scale';
import { STEPS } from './ticks';

test('a memory never weighs more than it may, and forgets what was not looked at for the longest', () => {
  const gone: string[] = [];
  const keep = new Keep<string>(
    10,
    (value) => value.length,
    (value) => gone.push(value),
  );
  keep.set('a', 'aaaa');
  keep.set('b', 'bbbb');
  expect(keep.get('a')).toBe('aaaa');
  keep.set('c', 'cccc');
  expect(gone).toEqual(['bbbb']);
  expect(keep.weight).toBeLessThanOrEqual(10);
  keep.set('a', 'a');
  expect(gone).toEqual(['bbbb', 'aaaa']);
  expect([keep.size, keep.weight]).toEqual([2, 5]);
});

test('a value that is too heavy alone is kept until another comes', () => {
  const keep = new Keep<number>(10, (value) => value);
  keep.set('a', 20);
  expect(keep.get('a')).toBe(20);
  keep.set('b', 1);
  expect([keep.get('a'), keep.get('b')]).toEqual([undefined, 1]);
});

test('every height within the lanes belongs to one lane, whose parts do not overlap', () => {
  for (const [count, height] of [
    [1, 40],
    [7, 30],
    [16, 18],
  ] as const) {
    const lanes = lanesOf(
      Array.from({ length: count }, (_, number) => number + 1),
      height,
    );
    const last = lanes.at(-1);
    for (const lane of lanes) {
      expect(laneAt(lanes, lane.top + lane.height / 2)?.id).toBe(lane.id);
      const { tagTop, tagHeight, barTop, barHeight, pinTop } = partsOf(lane);
      expect([
        lane.top,
        tagTop,
        tagTop + tagHeight,
        barTop,
        barTop + barHeight,
        pinTop,
        lane.top + lane.height,
      ]).toEqual(
        [lane.top, tagTop, tagTop + tagHeight, barTop, barTop + barHeight, pinTop, lane.top + lane.height].sort(
          (a, b) => a - b,
        ),
      );
      expect(barHeight).toBeGreaterThanOrEqual(8);
    }
    expect(laneAt(lanes, 10)).toBe(null);
    expect(heightOf(lanes)).toBe((last?.top ?? 0) + (last?.height ?? 0));
  }
});

test('lanes are as high as their number and the window allow, unless somebody chose', () => {
  expect([1, 4, 6, 8, 16].map((count) => laneHeightOf(count, 'auto', 800, false))).toEqual([40, 40, 32, 24, 18]);
  expect(laneHeightOf(16, 'auto', 1440, false)).toBe(24);
  expect(laneHeightOf(16, 'auto', 844, true)).toBe(24); // a finger is wider than a line of text
  expect(laneHeightOf(16, 'tall', 800, false)).toBe(40);
  expect(laneHeightOf(2, 'compact', 800, false)).toBe(18);
});

test('the view moves on only near its edges, and the faster the nearer', () => {
  expect(pushAt(500, 1000)).toBe(0);
  expect(pushAt(20, 1000)).toBeLessThan(0);
  expect(pushAt(0, 1000)).toBeLessThan(pushAt(20, 1000));
  expect(pushAt(990, 1000)).toBeGreaterThan(0);
  expect(pushAt(1000, 1000)).toBe(-pushAt(0, 1000));
  expect(pushAt(50, 100)).toBe(0); // narrow lanes have a middle too
});

test('labels are in their language and zone', () => {
  const ms = Date.parse('2026-11-27T17:30:00Z');
  const month = STEPS.find((one) => one.unit === 'month');
  const hour = STEPS.find((one) => one.unit === 'hour');
  if (!month || !hour) throw new Error('no such steps');
  expect(new Labels('en', 'Asia/Ho_Chi_Minh').tick(hour, ms)).toBe('00:30');
  expect(new Labels('ru', 'UTC').tick(month, ms)).toBe('нояб.');
  expect(new Labels('en', 'UTC').context('day', ms)).toContain('27');
});

test('the list of a range has all of it once, with the causes of what is missing', () => {
  const range = { startMs: 0, endMs: 100 };
  const stretches = [
    { startMs: 10, endMs: 40 },
    { startMs: 60, endMs: 90 },
  ];
  const gaps = [
    { startMs: 40, endMs: 50, cause: 'silent' },
    { startMs: 90, endMs: 200, cause: 'crashed' },
  ];
  const lines = linesOf(range, stretches, gaps);
  expect(lines.map(({ startMs, endMs, cause }) => [startMs, endMs, cause])).toEqual([
    [0, 10, ''],
    [10, 40, null],
    [40, 50, 'silent'],
    [50, 60, ''],
    [60, 90, null],
    [90, 100, 'crashed'],
  ]);
  expect(sharedOf(range, stretches)).toBeCloseTo(0.6);
  expect(sharedOf({ startMs: 5, endMs: 5 }, [])).toBe(0);
});

test('where nothing was answered nothing is said to be missing', () => {
  const lines = linesOf({ startMs: 0, endMs: 100 }, [{ startMs: 10, endMs: 20 }], [], [{ startMs: 40, endMs: 70 }]);
  expect(lines.map(({ startMs, endMs, cause, isUnknown }) => [startMs, endMs, isUnknown ? 'unknown' : cause])).toEqual([
    [0, 10, ''],
    [10, 20, null],
    [20, 40, ''],
    [40, 70, 'unknown'],
    [70, 100, ''],
  ]);
  const all = linesOf(
    { startMs: 0, endMs: 100 },
    [],
    [{ startMs: 50, endMs: 90, cause: 'silent' }],
    [
      { startMs: -50, endMs: 60 },
      { startMs: 60, endMs: 130 },
    ],
  );
  expect(all.map(({ startMs, endMs, isUnknown }) => [startMs, endMs, isUnknown ?? false])).toEqual([
    [0, 60, true],
    [60, 90, false],
    [90, 100, true],
  ]);
});

test('turning the wheel there and back shows the same again', () => {
  for (const px of [3, 30, 120, 480]) expect(wheelFactor(px) * wheelFactor(-px)).toBeCloseTo(1, 9);
  expect(wheelFactor(120)).toBeGreaterThan(1);
  expect(wheelPx(3, 1)).toBe(48);
});
