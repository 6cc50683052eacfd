/** Where the lanes of the cameras lie on the canvas, in CSS pixels: pure functions. */

export interface Lane {
  readonly id: number;
  readonly top: number;
  readonly height: number;
}

/** How high somebody wants the lanes; `auto`: as many as there are and as the window has room for. */
export type LaneChoice = 'auto' | 'compact' | 'tall';
export const LANE_CHOICES: readonly LaneChoice[] = ['auto', 'compact', 'tall'];

/** The ruler: above the handle of the moment shown, below those of the marks, each high enough to be taken hold of. */
export const AXIS_PX = 48;
const TALL_PX = 40;
const COMPACT_PX = 18; // a line of small text
const FINGER_PX = 24;
/** The share of the window that ruler and lanes have beside pictures and buttons, before one has to scroll. */
const SHARE = 0.3;
const DENSE_PX = 26; // below, the parts of a lane stand closer together

/** Return how high each lane is. `isCoarse`: fingers point, and need the more. */
export function laneHeightOf(count: number, choice: LaneChoice, windowPx: number, isCoarse: boolean): number {
  const leastPx = isCoarse ? FINGER_PX : COMPACT_PX;
  if (choice === 'tall') return TALL_PX;
  if (choice === 'compact') return leastPx;
  const roomPx = (SHARE * windowPx - AXIS_PX) / Math.max(count, 1);
  return Math.min(Math.max(Math.floor(roomPx), leastPx), TALL_PX);
}

export function lanesOf(ids: readonly number[], height: number): Lane[] {
  return ids.map((id, number) => ({ id, top: AXIS_PX + number * height, height }));
}

export function heightOf(lanes: readonly Lane[]): number {
  const last = lanes.at(-1);
  return last ? last.top + last.height : AXIS_PX;
}

/** Return the lane at a height; null on the axis and below all. */
export function laneAt(lanes: readonly Lane[], y: number): Lane | null {
  return lanes.find((lane) => lane.top <= y && y < lane.top + lane.height) ?? null;
}

/** The parts of a lane from top to bottom: tags, footage, pins. */
export function partsOf(lane: Lane): {
  tagTop: number;
  tagHeight: number;
  barTop: number;
  barHeight: number;
  pinTop: number;
} {
  const isDense = lane.height < DENSE_PX;
  const tagHeight = isDense ? 3 : 4;
  const tagTop = lane.top + (isDense ? 1 : 4);
  const barTop = tagTop + tagHeight + 1;
  const pinTop = lane.top + lane.height - (isDense ? 4 : 5);
  return { tagTop, tagHeight, barTop, barHeight: pinTop - 1 - barTop, pinTop };
}
