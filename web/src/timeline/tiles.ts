/**
 * Tiles of a pyramid: time cut at fixed places, for each level four times as long as for the one below. What was asked
 * for once fits every view of about the same zoom, and where a tile is not there yet, another level's stands in.
 */
import { spanOf, type View } from './scale';

/** How a pyramid is cut: a tile of level 0 has `cells` cells of `finestMs`. */
export interface Shape {
  readonly finestMs: number;
  readonly cells: number;
  readonly levels: number;
}

export interface Tile {
  readonly level: number;
  readonly index: number;
}

/** A part of a view, and the tile that it is drawn from; null where nothing is known. */
export interface Piece {
  readonly startMs: number;
  readonly endMs: number;
  readonly tile: Tile | null;
}

const FACTOR = 4;

/** The tiles of coverage: 1,024 cells from half a second on, 8.5 minutes up to 388 days. */
export const COVERAGE: Shape = { finestMs: 500, cells: 1024, levels: 9 };
/** How many tiles are one request at the most: the service gives up to 10,000 spans of a camera. */
export const MOST_TILES = 8;
/** How many levels below the wanted one are looked at for what is missing: beyond, it would be too many tiles. */
const FINER = 2;

export const resolutionMs = (shape: Shape, level: number): number => shape.finestMs * FACTOR ** level;
export const tileMs = (shape: Shape, level: number): number => resolutionMs(shape, level) * shape.cells;

export function boundsOf(shape: Shape, tile: Tile): View {
  const lengthMs = tileMs(shape, tile.level);
  return { startMs: tile.index * lengthMs, endMs: (tile.index + 1) * lengthMs };
}

/** Return the coarsest level that leaves out nothing a pixel wide. */
export function levelFor(shape: Shape, view: View, width: number): number {
  const pixelMs = spanOf(view) / Math.max(width, 1);
  let level = 0;
  while (level + 1 < shape.levels && resolutionMs(shape, level + 1) <= pixelMs) level += 1;
  return level;
}

/** Return the tiles of a level that a view touches, in order. */
export function tilesIn(shape: Shape, level: number, view: View): Tile[] {
  const lengthMs = tileMs(shape, level);
  const found: Tile[] = [];
  for (let index = Math.floor(view.startMs / lengthMs); index * lengthMs < view.endMs; index += 1) {
    found.push({ level, index });
  }
  return found;
}

/** Return tiles in the order in which they are worth having: those in the middle of the view first. */
export function byImportance(shape: Shape, tiles: readonly Tile[], view: View): Tile[] {
  const middleMs = (view.startMs + view.endMs) / 2;
  const away = (tile: Tile) => {
    const { startMs, endMs } = boundsOf(shape, tile);
    return Math.abs((startMs + endMs) / 2 - middleMs);
  };
  return [...tiles].sort((one, other) => away(one) - away(other));
}

/** Return from what a view is drawn: tiles of the level, else what is coarser, else what is finer. */
export function piecesOf(shape: Shape, level: number, view: View, isReady: (tile: Tile) => boolean): Piece[] {
  return tilesIn(shape, level, view).flatMap((tile) => {
    const { startMs, endMs } = boundsOf(shape, tile);
    const within = { startMs: Math.max(startMs, view.startMs), endMs: Math.min(endMs, view.endMs) };
    return pieceOf(shape, tile, within, isReady);
  });
}

function pieceOf(shape: Shape, tile: Tile, within: View, isReady: (tile: Tile) => boolean): Piece[] {
  if (isReady(tile)) return [{ ...within, tile }];
  for (let level = tile.level + 1; level < shape.levels; level += 1) {
    const parent = { level, index: Math.floor(tile.index / FACTOR ** (level - tile.level)) };
    if (isReady(parent)) return [{ ...within, tile: parent }];
  }
  return finerPieces(shape, tile, within, isReady, FINER);
}

function finerPieces(shape: Shape, tile: Tile, within: View, isReady: (tile: Tile) => boolean, depth: number): Piece[] {
  if (isReady(tile)) return [{ ...within, tile }];
  if (!depth || !tile.level) return [{ ...within, tile: null }];
  const found: Piece[] = [];
  for (const child of tilesIn(shape, tile.level - 1, within)) {
    const { startMs, endMs } = boundsOf(shape, child);
    const inner = { startMs: Math.max(startMs, within.startMs), endMs: Math.min(endMs, within.endMs) };
    found.push(...finerPieces(shape, child, inner, isReady, depth - 1));
  }
  // Many pieces of nothing are one, so that what is not known is looked at once.
  return found.every((piece) => piece.tile === null) ? [{ ...within, tile: null }] : found;
}

/** Tiles of one level, side by side, and the cameras for which they are wanted. */
export interface Row {
  readonly tiles: [Tile, ...Tile[]];
  readonly ids: readonly number[];
}

/** Where the first tile of a row begins and the last one ends. */
export function boundsOfRow(shape: Shape, { tiles }: Row): View {
  const [first] = tiles;
  return { startMs: boundsOf(shape, first).startMs, endMs: boundsOf(shape, tiles.at(-1) ?? first).endMs };
}

/** Return tiles joined to rows: of one level, side by side, wanted for the same cameras; what is wanted first goes first. */
export function rowsOf(wanted: readonly { tile: Tile; ids: readonly number[] }[]): Row[] {
  const rows: Row[] = [];
  const places = new Map(wanted.map(({ tile }, place) => [tile, place]));
  for (const { tile, ids } of [...wanted].sort((one, other) => one.tile.index - other.tile.index)) {
    const before = rows.find(({ tiles, ids: others }) => {
      const last = tiles.at(-1);
      const isNext = last?.level === tile.level && last.index + 1 === tile.index;
      return isNext && tiles.length < MOST_TILES && `${others}` === `${ids}`;
    });
    if (before) before.tiles.push(tile);
    else rows.push({ tiles: [tile], ids });
  }
  const placeOf = ({ tiles }: Row) => Math.min(...tiles.map((tile) => places.get(tile) ?? 0));
  return rows.sort((one, other) => placeOf(one) - placeOf(other));
}

export const tileKey = (tile: Tile): string => `${tile.level}/${tile.index}`;
