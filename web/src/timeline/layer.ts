/** What can be drawn on the lanes. A layer whose data is late draws what it has, and is drawn again when it has come. */

import type { Zone } from '../zones';
import type { Colours } from './colours';
import type { Labels } from './labels';
import type { Lane } from './lanes';
import type { View } from './scale';

/** Everything that one drawing needs. Sizes are device pixels where the name ends in `Dots`, else CSS pixels. */
export interface Frame {
  readonly view: View;
  readonly width: number;
  readonly height: number;
  readonly lanes: readonly Lane[];
  readonly ids: readonly number[];
  /** Device pixels of a CSS pixel. */
  readonly density: number;
  readonly colours: Colours;
  readonly zone: Zone;
  readonly labels: Labels;
  readonly nowMs: number;
}

export const LAYER_NAMES = ['gaps', 'activity', 'record', 'pin', 'comment'] as const;
export type LayerName = (typeof LAYER_NAMES)[number];

export interface Layer {
  /** The name by which it is switched; null: always drawn. */
  readonly name: LayerName | null;
  /** Say what is shown, so that it is fetched; returns at once. */
  want(frame: Frame): void;
  draw(context: CanvasRenderingContext2D, frame: Frame): void;
  /** What there is of a camera at a moment, give or take some milliseconds, each a line of text. */
  tell(id: number, ms: number, nearMs: number): string[];
}

export const dotsOf = (frame: Frame, px: number): number => Math.round(px * frame.density);

/** The column of an instant, in whole device pixels. */
export function columnOf(frame: Frame, ms: number): number {
  const { view, width, density } = frame;
  return Math.round(((ms - view.startMs) / (view.endMs - view.startMs)) * width * density);
}
