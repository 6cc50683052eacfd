/** The axis above the lanes, the lines of the grid, the lines between the lanes, and what has not come yet. */
import { AXIS_PX } from './lanes';
import { columnOf, dotsOf, type Frame, type Layer } from './layer';
import { contextOf, contextUnit, type Step, stepFor, ticksOf } from './ticks';

const LEAST_PX = 76; // a label of the longest kind, with room beside it

export class GridLayer implements Layer {
  readonly name = null;

  want(): void {
    // The calendar is known.
  }

  draw(context: CanvasRenderingContext2D, frame: Frame): void {
    const step = stepFor(frame.view, frame.width, LEAST_PX);
    const ticks = ticksOf(frame.view, step, frame.zone);
    this.#drawLanes(context, frame);
    this.#drawTicks(context, frame, step, ticks);
    this.#drawContext(context, frame, step);
  }

  tell(): string[] {
    return [];
  }

  #drawLanes(context: CanvasRenderingContext2D, frame: Frame): void {
    const dots = frame.width * frame.density;
    context.fillStyle = frame.colours.line;
    for (const lane of frame.lanes) context.fillRect(0, dotsOf(frame, lane.top), dots, 1);
    const now = columnOf(frame, frame.nowMs);
    if (now >= dots) return;
    context.fillStyle = frame.colours.future;
    const top = dotsOf(frame, AXIS_PX);
    context.fillRect(Math.max(now, 0), top, dots - Math.max(now, 0), dotsOf(frame, frame.height) - top);
  }

  #drawTicks(context: CanvasRenderingContext2D, frame: Frame, step: Step, ticks: readonly number[]): void {
    const top = dotsOf(frame, AXIS_PX - 6);
    const bottom = dotsOf(frame, frame.height);
    context.font = `${dotsOf(frame, 11.5)}px ${frame.colours.font}`;
    context.textAlign = 'left';
    context.textBaseline = 'alphabetic';
    for (const ms of ticks) {
      const x = columnOf(frame, ms);
      context.fillStyle = frame.colours.line;
      context.fillRect(x, top, 1, bottom - top);
      context.fillStyle = frame.colours.muted;
      context.fillText(frame.labels.tick(step, ms), x + dotsOf(frame, 4), dotsOf(frame, AXIS_PX - 7));
    }
  }

  /** The day, month or year of each part of the view: its name stays in sight while it moves out. */
  #drawContext(context: CanvasRenderingContext2D, frame: Frame, step: Step): void {
    const unit = contextUnit(step);
    if (step.unit === 'year') return;
    context.font = `600 ${dotsOf(frame, 12)}px ${frame.colours.font}`;
    const edge = dotsOf(frame, 6);
    for (const { startMs, endMs } of contextOf(frame.view, unit, frame.zone)) {
      const [left, right] = [columnOf(frame, startMs), columnOf(frame, endMs)];
      const text = frame.labels.context(unit, startMs);
      context.fillStyle = frame.colours.line;
      if (left > 0) context.fillRect(left, 0, Math.max(dotsOf(frame, 1), 1), dotsOf(frame, frame.height));
      const width = context.measureText(text).width;
      if (width + 2 * edge > right - left && right - left < dotsOf(frame, frame.width)) continue;
      context.fillStyle = frame.colours.text;
      context.fillText(text, left + edge, dotsOf(frame, 16));
    }
  }
}
