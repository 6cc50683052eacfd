import { expect, test } from 'vitest';
import { clustersOf, firstAfter, lookAt, runsOf, type SpanPiece, spansWithin, stretchesOf } from './runs';

const VIEW = { startMs: 0, endMs: 1000 };
const piece = (startMs: number, endMs: number, spans: number[], slackMs = 0): SpanPiece => ({
  startMs,
  endMs,
  spans: Float64Array.from(spans),
  slackMs,
});

test('footage that goes on over the edge of a tile is one stretch', () => {
  const pieces = [piece(0, 500, [100, 500]), piece(500, 1000, [500, 900])];
  expect(stretchesOf(pieces)).toEqual([{ startMs: 100, endMs: 900 }]);
});

test('a gap that the resolution hides stays hidden where the edge of a tile cuts it', () => {
  expect(stretchesOf([piece(0, 500, [100, 497], 10), piece(500, 1000, [503, 900], 10)])).toHaveLength(1);
  expect(stretchesOf([piece(0, 500, [100, 480], 10), piece(500, 1000, [503, 900], 10)])).toHaveLength(2);
});

test('spans are cut at the edges of their piece', () => {
  expect(stretchesOf([piece(200, 300, [0, 250, 280, 900])])).toEqual([
    { startMs: 200, endMs: 250 },
    { startMs: 280, endMs: 300 },
  ]);
});

test('a gap is a column wide however short it is, and so is footage', () => {
  const runs = runsOf([piece(0, 1000, [0, 500, 500.001, 800, 900, 900.001])], VIEW, 100);
  expect(runs).toEqual([
    { left: 0, right: 50 },
    { left: 51, right: 80 },
    { left: 90, right: 91 },
  ]);
});

test('runs are in order, apart from one another, and within the canvas', () => {
  for (let seed = 1; seed < 60; seed += 1) {
    const spans: number[] = [];
    for (let ms = seed; ms < 1000; ms += 1 + ((ms * 7919 * seed) % 17)) {
      spans.push(ms, ms + 0.5);
    }
    const runs = runsOf([piece(0, 1000, spans)], VIEW, 200);
    for (const [number, { left, right }] of runs.entries()) {
      expect(right).toBeGreaterThan(left);
      expect(right).toBeLessThanOrEqual(200);
      const before = runs[number - 1];
      if (before) expect(left).toBeGreaterThan(before.right);
    }
  }
});

test('the first span after a moment is found', () => {
  const spans = Float64Array.from([0, 10, 20, 30, 40, 50]);
  expect([-5, 0, 9, 10, 15, 29, 30, 60].map((ms) => firstAfter(spans, ms))).toEqual([0, 0, 0, 1, 1, 1, 2, 3]);
});

test('a moment lies in footage or in a gap, whose edges are told where they are known', () => {
  const stretches = [
    { startMs: 100, endMs: 200 },
    { startMs: 300, endMs: 400 },
  ];
  expect(lookAt(stretches, 50)).toEqual({ isFootage: false, startMs: null, endMs: 100 });
  expect(lookAt(stretches, 100)).toEqual({ isFootage: true, startMs: 100, endMs: 200 });
  expect(lookAt(stretches, 200)).toEqual({ isFootage: false, startMs: 200, endMs: 300 });
  expect(lookAt(stretches, 400)).toEqual({ isFootage: false, startMs: 400, endMs: null });
});

test('marks that are too near to be told apart are one with their number', () => {
  expect(clustersOf([10, 12, 19, 30, 31], 10)).toEqual([
    { x: 10, first: 0, count: 3 },
    { x: 30, first: 3, count: 2 },
  ]);
});

test('of many spans those are taken that reach into a range, whole', () => {
  const spans = Float64Array.from([0, 100, 200, 300, 400, 500]);
  const within = (startMs: number, endMs: number) => [...spansWithin(spans, { startMs, endMs })];
  expect(within(50, 250)).toEqual([0, 100, 200, 300]);
  expect(within(100, 200)).toEqual([]);
  expect(within(100, 201)).toEqual([200, 300]);
  expect(within(299, 400)).toEqual([200, 300]);
  expect(within(-10, 900)).toEqual([...spans]);
  expect(within(600, 900)).toEqual([]);
  expect([...spansWithin(new Float64Array(), { startMs: 0, endMs: 9 })]).toEqual([]);
});
