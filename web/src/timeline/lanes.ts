/** Where the lanes of the cameras lie on the canvas, in CSS pixels: pure functions. */

export interface Lane {
  readonly id: number;
  readonly top: number;
  readonly height: number;
}

export const AXIS_PX = 42;
const ROOMY = { most: 6, px: 40 };
const DENSE_PX = 30;

/** Few lanes are high, so that pictures of gaps and tags are seen; many are dense. */
export function lanesOf(ids: readonly number[]): Lane[] {
  const height = ids.length <= ROOMY.most ? ROOMY.px : DENSE_PX;
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
  const tagHeight = 4;
  const tagTop = lane.top + 4;
  const barTop = tagTop + tagHeight + 1;
  const pinTop = lane.top + lane.height - 5;
  return { tagTop, tagHeight, barTop, barHeight: pinTop - 1 - barTop, pinTop };
}
