import { expect, test } from 'vitest';
import { pickTogether } from './together';

const FRAME_MS = 40;

/** Frames by their numbers, each beginning a little after the one before it is said to end. */
function framesOf(numbers: number[]) {
  return numbers.map((number) => ({ startMs: number * FRAME_MS + 0.3, endMs: (number + 1) * FRAME_MS }));
}

/** The numbers of the frames that are picked; the first of each camera is the one that is seen. */
function picked(cameras: number[][], apartMs = 0) {
  const found = pickTogether(cameras.map(framesOf), apartMs);
  return found?.map((at, camera) => cameras[camera]?.[at]) ?? null;
}

test('a frame waits until each camera has that of its instant', () => {
  expect(picked([[4], [4]])).toBeNull();
  expect(picked([[4, 5], [4]])).toBeNull();
  const both = [4, 5];
  expect(picked([both, both])).toEqual([5, 5]);
  expect(picked([[...both, 6], both, [...both, 6, 7]])).toEqual([5, 5, 5]);
  expect(picked([both, [5]])).toEqual([5, 5]);
});

test('cameras whose frames begin at other times are of one instant where frames overlap', () => {
  const frames = (...begins: number[]) => begins.map((startMs) => ({ startMs, endMs: startMs + FRAME_MS }));
  expect(pickTogether([frames(0, 40), frames(25)], 0)).toEqual([1, 0]);
  expect(pickTogether([frames(0, 40, 80), frames(25)], 0)).toEqual([1, 0]);
  expect(pickTogether([frames(0, 40, 80), frames(-15, 25, 65)], 0)).toEqual([2, 2]);
});

test('where a browser left frames out those next to each other are shown', () => {
  const [even, odd] = [
    [4, 6, 8],
    [5, 7, 9],
  ];
  expect(picked([even.slice(0, 2), [4, 5]])).toEqual([6, 5]);
  expect(picked([even, odd])).toEqual([8, 9]);
});

test('after a jump of one camera all stay where they are until the others are there', () => {
  const ahead = [4, 12];
  expect(picked([ahead, [4], [4]])).toBeNull();
  expect(picked([ahead, [4, 11], ahead])).toEqual([12, 11, 12]);
});

test('there may be nothing that fits, the less the faster it goes', () => {
  expect(picked([[12], [4, 5]])).toBeNull();
  expect(picked([[7], [4, 5]])).toBeNull();
  expect(picked([[7], [4, 5]], FRAME_MS)).toEqual([7, 5]);
  expect(pickTogether([], 0)).toBeNull();
});
