/** Footage and gaps one after the other, as lines of a list: pure functions. */
import type { View } from './scale';

export interface Missing {
  readonly startMs: number;
  readonly endMs: number;
  readonly cause: string;
}

export interface Line {
  readonly startMs: number;
  readonly endMs: number;
  /** Null: footage. Empty: a gap whose cause is not known here. */
  readonly cause: string | null;
  /** Whether it was not answered yet what there is: neither footage nor a gap. */
  readonly isUnknown?: boolean;
}

/**
 * Return the lines of a range, in order: footage, and what lies between, cut where its causes change. Where it is
 * `unknown` what there is, nothing is missing.
 */
export function linesOf(
  range: View,
  stretches: readonly View[],
  causes: readonly Missing[],
  unknown: readonly View[] = [],
): Line[] {
  const open = unknown.map((one) => ({ ...one, cause: '', isUnknown: true }));
  const gaps: Cut[] = [...open, ...causes].sort((one, other) => one.startMs - other.startMs);
  const found: Line[] = [];
  let atMs = range.startMs;
  for (const stretch of stretches) {
    if (stretch.startMs > atMs) found.push(...missing({ startMs: atMs, endMs: stretch.startMs }, gaps));
    found.push({ ...stretch, cause: null });
    atMs = Math.max(atMs, stretch.endMs);
  }
  if (range.endMs > atMs) found.push(...missing({ startMs: atMs, endMs: range.endMs }, gaps));
  return found;
}

type Cut = Missing & Pick<Line, 'isUnknown'>;

function missing(range: View, gaps: readonly Cut[]): Line[] {
  const found: Line[] = [];
  let atMs = range.startMs;
  for (const gap of gaps) {
    const startMs = Math.max(gap.startMs, atMs);
    const endMs = Math.min(gap.endMs, range.endMs);
    if (endMs <= startMs) continue;
    if (startMs - atMs > 1) found.push({ startMs: atMs, endMs: startMs, cause: '' });
    found.push({ ...gap, startMs, endMs });
    atMs = endMs;
  }
  if (range.endMs - atMs > 1 || !found.length) found.push({ startMs: atMs, endMs: range.endMs, cause: '' });
  return found;
}

/** The share of a range that has footage, 0 to 1. */
export function sharedOf(range: View, stretches: readonly View[]): number {
  const lengthMs = range.endMs - range.startMs;
  const coveredMs = stretches.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  return lengthMs > 0 ? Math.min(coveredMs / lengthMs, 1) : 0;
}
