/** From spans of time to columns of pixels, and back to what lies under a pointer: pure functions. */
import { spanOf, type View } from './scale';

/** Spans as they are kept: begin and end of each in turn, in milliseconds, in order. */
export type Spans = Float64Array;

/** A stretch of columns: [left, right) in whole device pixels. */
export interface Run {
  left: number;
  right: number;
}

/** A part of a view and the spans that it is drawn from; gaps shorter than `slackMs` are not in them. */
export interface SpanPiece {
  readonly startMs: number;
  readonly endMs: number;
  readonly spans: Spans;
  readonly slackMs: number;
}

/** Return the number of the first span that ends after an instant. */
export function firstAfter(spans: Spans, ms: number): number {
  let [low, high] = [0, spans.length / 2];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[2 * middle + 1] as number) <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Return the spans that reach into a range, whole: what lies beyond it is not looked at. */
export function spansWithin(spans: Spans, { startMs, endMs }: View): Spans {
  let last = firstAfter(spans, endMs);
  if ((spans[2 * last] as number) < endMs) last += 1;
  return spans.slice(2 * firstAfter(spans, startMs), 2 * last);
}

/** Call `visit` with the begin and end of each stretch of footage of a view; pieces that meet are one. */
function eachStretch(pieces: readonly SpanPiece[], visit: (startMs: number, endMs: number) => void): void {
  let startMs = Number.NaN;
  let endMs = Number.NEGATIVE_INFINITY;
  for (const piece of pieces) {
    let seamMs = piece.slackMs; // what a tile's edge cuts out of a gap too short to be told is no gap
    for (let at = firstAfter(piece.spans, piece.startMs) * 2; at < piece.spans.length; at += 2) {
      const fromMs = Math.max(piece.spans[at] as number, piece.startMs);
      if (fromMs >= piece.endMs) break;
      const toMs = Math.min(piece.spans[at + 1] as number, piece.endMs);
      if (fromMs - endMs > seamMs) {
        if (endMs > startMs) visit(startMs, endMs);
        startMs = fromMs;
      }
      endMs = Math.max(endMs, toMs);
      seamMs = 0;
    }
  }
  if (endMs > startMs) visit(startMs, endMs);
}

/** Return the stretches of footage of a view, in order. */
export function stretchesOf(pieces: readonly SpanPiece[]): View[] {
  const found: View[] = [];
  eachStretch(pieces, (startMs, endMs) => found.push({ startMs, endMs }));
  return found;
}

/**
 * Return the columns that have footage. A gap is at least a column wide however short it is, and footage too: a second
 * lost in a day must not vanish.
 */
export function runsOf(pieces: readonly SpanPiece[], view: View, width: number): Run[] {
  const scale = width / spanOf(view);
  const found: Run[] = [];
  let last: Run | null = null;
  eachStretch(pieces, (startMs, endMs) => {
    const from = Math.round((startMs - view.startMs) * scale);
    const left = last ? Math.max(from, last.right + 1) : from;
    const right = Math.max(Math.round((endMs - view.startMs) * scale), left + 1);
    if (left >= width) return;
    last = { left, right: Math.min(right, width) };
    found.push(last);
  });
  return found;
}

/** The stretch of footage or the gap that an instant lies in; edges that lie outside of what is known are null. */
export interface At {
  readonly isFootage: boolean;
  readonly startMs: number | null;
  readonly endMs: number | null;
}

export function lookAt(stretches: readonly View[], ms: number): At {
  let before: number | null = null;
  for (const stretch of stretches) {
    if (ms < stretch.startMs) return { isFootage: false, startMs: before, endMs: stretch.startMs };
    if (ms < stretch.endMs) return { isFootage: true, ...stretch };
    before = stretch.endMs;
  }
  return { isFootage: false, startMs: before, endMs: null };
}

/** Groups of marks that are too near to one another to be told apart: where the first is, and how many there are. */
export function clustersOf(xs: readonly number[], leastPx: number): { x: number; first: number; count: number }[] {
  const found: { x: number; first: number; count: number }[] = [];
  for (const [number, x] of xs.entries()) {
    const last = found.at(-1);
    if (last && x - last.x < leastPx) last.count += 1;
    else found.push({ x, first: number, count: 1 });
  }
  return found;
}
