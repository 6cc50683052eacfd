/** How much moved: bars on the footage. Each tile is painted once, and drawn stretched from then on. */
import { numberText } from '../instants';
import type { Feed } from './feed';
import { partsOf } from './lanes';
import { dotsOf, type Frame, type Layer } from './layer';
import { say } from './words';

/** Values of one tile: `cellMs` each, from `startMs` on; NaN where nothing is known. */
export interface Activity {
  readonly startMs: number;
  readonly cellMs: number;
  readonly values: Float32Array;
  /** Painted when first drawn. */
  picture: OffscreenCanvas | null;
}

const STEPS = 16; // the picture's height: more cannot be told on a lane
/** A share of the picture that fills the bar: a car that passes near. */
const FULL = 0.25;
const LEAST_PX = 3; // cells are at least about so wide on the screen

export const heightOf = (value: number): number => Math.min(Math.sqrt(value / FULL), 1);

export class ActivityLayer implements Layer {
  readonly name = 'activity';
  readonly #feed: Feed<Activity>;
  #colour = '';
  #frame: Frame | null = null;

  constructor(feed: Feed<Activity>) {
    this.#feed = feed;
  }

  want(frame: Frame): void {
    this.#frame = frame;
    this.#feed.want(frame.ids, frame.view, frame.width / LEAST_PX);
  }

  draw(context: CanvasRenderingContext2D, frame: Frame): void {
    const isRepainted = this.#colour !== frame.colours.activity;
    this.#colour = frame.colours.activity;
    const scale = (frame.width * frame.density) / (frame.view.endMs - frame.view.startMs);
    context.imageSmoothingEnabled = false;
    for (const lane of frame.lanes) {
      const { barTop, barHeight } = partsOf(lane);
      const [top, height] = [dotsOf(frame, barTop), dotsOf(frame, barHeight)];
      for (const { startMs, endMs, value } of this.#feed.drawn(lane.id, frame.view, frame.width / LEAST_PX)) {
        if (!value?.values.length) continue;
        if (isRepainted) value.picture = null;
        value.picture ??= this.#paint(value.values);
        const from = (startMs - value.startMs) / value.cellMs;
        const to = Math.min((endMs - value.startMs) / value.cellMs, value.values.length);
        if (to <= from) continue;
        const left = (startMs - frame.view.startMs) * scale;
        context.drawImage(
          value.picture,
          from,
          0,
          to - from,
          STEPS,
          left,
          top,
          (to - from) * value.cellMs * scale,
          height,
        );
      }
    }
  }

  tell(id: number, ms: number): string[] {
    const value = this.at(id, ms);
    return value === null || value === 0 ? [] : [say('movement', { share: numberText(value * 100, 1) })];
  }

  /** The share of the picture that changed then, 0 to 1; null where that is not known. */
  at(id: number, ms: number): number | null {
    if (!this.#frame) return null;
    const { view, width } = this.#frame;
    const piece = this.#feed.drawn(id, view, width / LEAST_PX).find((one) => one.startMs <= ms && ms < one.endMs);
    const value = piece?.value;
    const found = value?.values[Math.floor((ms - value.startMs) / value.cellMs)];
    return found === undefined || Number.isNaN(found) ? null : found;
  }

  #paint(values: Float32Array): OffscreenCanvas {
    const canvas = new OffscreenCanvas(values.length, STEPS);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('this browser has no canvas');
    context.fillStyle = this.#colour;
    for (const [number, value] of values.entries()) {
      if (!(value > 0)) continue;
      const height = Math.max(Math.round(heightOf(value) * STEPS), 1);
      context.fillRect(number, STEPS - height, 1, height);
    }
    return canvas;
  }
}
