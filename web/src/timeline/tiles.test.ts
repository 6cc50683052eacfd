import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../lengths';
import { spanOf } from './scale';
import {
  boundsOf,
  byImportance,
  levelFor,
  MOST_TILES,
  piecesOf,
  resolutionMs,
  rowsOf,
  type Tile,
  tileKey,
  tileMs,
  tilesIn,
} from './tiles';

const SHAPE = { finestMs: 500, cells: 1024, levels: 9 };
const START = Date.UTC(2026, 0, 1);
const SPANS = [MINUTE_MS, HOUR_MS, DAY_MS, 30 * DAY_MS, 365 * DAY_MS];

/** Views of many lengths at many places, the same at each run. */
function* views() {
  for (const spanMs of SPANS) {
    for (let number = 0; number < 25; number += 1) {
      const startMs = START + number * 13.7 * DAY_MS + number * 977;
      yield { startMs, endMs: startMs + spanMs };
    }
  }
}

test('the level chosen leaves out nothing a pixel wide, and is the coarsest of which that is true', () => {
  for (const view of views()) {
    const pixelMs = spanOf(view) / 1600;
    const level = levelFor(SHAPE, view, 1600);
    if (level) expect(resolutionMs(SHAPE, level)).toBeLessThanOrEqual(pixelMs);
    if (level < SHAPE.levels - 1) expect(resolutionMs(SHAPE, level + 1)).toBeGreaterThan(pixelMs);
  }
});

test('a view of any length takes few tiles', () => {
  for (const view of views()) {
    const level = levelFor(SHAPE, view, 3840);
    expect(tilesIn(SHAPE, level, view).length).toBeLessThanOrEqual(17);
  }
});

test('a tile lies within the one above it', () => {
  for (const view of views()) {
    for (let level = 0; level + 1 < SHAPE.levels; level += 1) {
      const tile = { level, index: Math.floor(view.startMs / tileMs(SHAPE, level)) };
      const parent = { level: level + 1, index: Math.floor(tile.index / 4) };
      expect(boundsOf(SHAPE, parent).startMs).toBeLessThanOrEqual(boundsOf(SHAPE, tile).startMs);
      expect(boundsOf(SHAPE, parent).endMs).toBeGreaterThanOrEqual(boundsOf(SHAPE, tile).endMs);
    }
  }
});

test('whatever is here, the pieces cover the view from end to end', () => {
  let turn = 0;
  for (const view of views()) {
    turn += 1;
    const has = (tile: Tile) => (tile.index * 7 + tile.level * 3 + turn) % 4 === 0;
    const pieces = piecesOf(SHAPE, levelFor(SHAPE, view, 1600), view, has);
    expect(pieces[0]?.startMs).toBe(view.startMs);
    expect(pieces.at(-1)?.endMs).toBe(view.endMs);
    for (const [number, piece] of pieces.slice(1).entries()) expect(piece.startMs).toBe(pieces[number]?.endMs);
    for (const { tile, startMs, endMs } of pieces) {
      if (!tile) continue;
      expect(has(tile)).toBe(true);
      expect(boundsOf(SHAPE, tile).startMs).toBeLessThanOrEqual(startMs);
      expect(boundsOf(SHAPE, tile).endMs).toBeGreaterThanOrEqual(endMs);
    }
  }
});

test('with the coarsest tiles at hand nothing is ever blank', () => {
  for (const view of views()) {
    const pieces = piecesOf(SHAPE, levelFor(SHAPE, view, 1600), view, (tile) => tile.level === SHAPE.levels - 1);
    expect(pieces.every((piece) => piece.tile?.level === SHAPE.levels - 1)).toBe(true);
  }
});

test('what was seen near is drawn while what is coarser comes', () => {
  const view = { startMs: START, endMs: START + DAY_MS };
  const level = levelFor(SHAPE, view, 1600);
  const pieces = piecesOf(SHAPE, level, view, (tile) => tile.level === level - 1);
  expect(pieces.every((piece) => piece.tile?.level === level - 1)).toBe(true);
});

test('where nothing is known there is one piece a tile that says so', () => {
  const view = { startMs: START, endMs: START + DAY_MS };
  const level = levelFor(SHAPE, view, 1600);
  const pieces = piecesOf(SHAPE, level, view, () => false);
  expect(pieces).toHaveLength(tilesIn(SHAPE, level, view).length);
  expect(pieces.every((piece) => piece.tile === null)).toBe(true);
});

test('the middle of the view comes first', () => {
  const view = { startMs: START, endMs: START + 365 * DAY_MS };
  const tiles = tilesIn(SHAPE, 6, view);
  const order = byImportance(SHAPE, tiles, view);
  expect(new Set(order.map(tileKey))).toEqual(new Set(tiles.map(tileKey)));
  const middle = (view.startMs + view.endMs) / 2;
  const away = order.map((tile) =>
    Math.abs((boundsOf(SHAPE, tile).startMs + boundsOf(SHAPE, tile).endMs) / 2 - middle),
  );
  expect(away).toEqual([...away].sort((one, other) => one - other));
});

test('tiles side by side are one row, for the same cameras, and no more of them than one request may ask for', () => {
  const tile = (index: number, ids = [1, 2], level = 7) => ({ tile: { level, index }, ids });
  const shapeOf = (rows: ReturnType<typeof rowsOf>) => rows.map(({ tiles }) => tiles.map(({ index }) => index));
  expect(shapeOf(rowsOf([tile(5), tile(4), tile(6)]))).toEqual([[4, 5, 6]]);
  expect(shapeOf(rowsOf([tile(4), tile(6)]))).toEqual([[4], [6]]);
  expect(shapeOf(rowsOf([tile(4), tile(5, [1])]))).toEqual([[4], [5]]);
  expect(shapeOf(rowsOf([tile(4), tile(5, [1, 2], 6)]))).toEqual([[4], [5]]);
  const more = [...Array(2 * MOST_TILES + 1).keys()];
  const [first, second, last] = shapeOf(rowsOf(more.map((index) => tile(index))));
  expect([first, second, last]).toEqual([more.slice(0, MOST_TILES), more.slice(MOST_TILES, -1), more.slice(-1)]);
  expect(shapeOf(rowsOf([tile(6), tile(2), tile(4)]))).toEqual([[6], [2], [4]]); // what is wanted first goes first
  expect(shapeOf(rowsOf([tile(8), tile(3), tile(9), tile(4)]))).toEqual([
    [8, 9],
    [3, 4],
  ]);
  const many = Array.from({ length: 20 }, (_, index) => tile(index));
  expect(rowsOf(many).every(({ tiles }) => tiles.length * SHAPE.cells <= 10_000)).toBe(true); // the service's bound
});
