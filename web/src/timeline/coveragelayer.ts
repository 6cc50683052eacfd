/** Footage on the lanes, and what of a lane is not known yet. */
import type { Drawn, Feed } from './feed';
import { partsOf } from './lanes';
import { columnOf, dotsOf, type Frame, type Layer } from './layer';
import { type At, lookAt, runsOf, type SpanPiece, type Spans, stretchesOf } from './runs';
import type { View } from './scale';
import { resolutionMs } from './tiles';

const KNOWN_DOTS = 1000; // fine enough to find what a range has
const NOTHING: Spans = new Float64Array();

export class CoverageLayer implements Layer {
  readonly name = null;
  readonly #feed: Feed<Spans>;

  constructor(feed: Feed<Spans>) {
    this.#feed = feed;
  }

  want(frame: Frame): void {
    this.#feed.want(frame.ids, frame.view, frame.width * frame.density);
  }

  draw(context: CanvasRenderingContext2D, frame: Frame): void {
    const dots = frame.width * frame.density;
    const now = Math.max(columnOf(frame, frame.nowMs), 0); // what has not come yet is no gap
    for (const lane of frame.lanes) {
      const { barTop, barHeight } = partsOf(lane);
      const [top, height] = [dotsOf(frame, barTop), dotsOf(frame, barHeight)];
      const drawn = this.#feed.drawn(lane.id, frame.view, dots);
      context.fillStyle = frame.colours.track;
      context.fillRect(0, top, Math.min(now, dots), height);
      this.#drawUnknown(context, frame, drawn, top, height);
      context.fillStyle = frame.colours.footage;
      for (const { left, right } of runsOf(this.#pieces(drawn), frame.view, dots)) {
        context.fillRect(left, top, right - left, height);
      }
    }
  }

  tell(): string[] {
    return [];
  }

  /** Whether anything is known of a camera's lane everywhere in a view. */
  isKnown(id: number, view: View, dots: number): boolean {
    return this.#feed.drawn(id, view, dots).every((piece) => piece.isKnown);
  }

  /** The parts of a view of which nothing is known of a camera's lane. */
  unknown(id: number, view: View, dots: number): View[] {
    const open = this.#feed.drawn(id, view, dots).filter((piece) => !piece.isKnown);
    return open.map(({ startMs, endMs }) => ({ startMs, endMs }));
  }

  /** The stretches of footage of a camera within a view, as far as they are known. */
  stretches(id: number, view: View, dots: number): View[] {
    return stretchesOf(this.#pieces(this.#feed.drawn(id, view, dots)));
  }

  /** Whether there is footage of a camera in a range, or nothing is known of it. */
  mayHave(id: number, range: View): boolean {
    return this.stretches(id, range, KNOWN_DOTS).length > 0 || !this.isKnown(id, range, KNOWN_DOTS);
  }

  at(id: number, ms: number, view: View, dots: number): At {
    return lookAt(this.stretches(id, view, dots), ms);
  }

  #pieces(drawn: readonly Drawn<Spans>[]): SpanPiece[] {
    return drawn.map(({ startMs, endMs, tile, value }) => ({
      startMs,
      endMs,
      spans: value ?? NOTHING,
      slackMs: tile ? resolutionMs(this.#feed.shape, tile.level) : 0,
    }));
  }

  #drawUnknown(
    context: CanvasRenderingContext2D,
    frame: Frame,
    drawn: readonly Drawn<Spans>[],
    top: number,
    height: number,
  ): void {
    const scale = (frame.width * frame.density) / (frame.view.endMs - frame.view.startMs);
    context.fillStyle = frame.colours.unknown;
    for (const { isKnown, startMs, endMs } of drawn) {
      if (isKnown || startMs > frame.nowMs) continue;
      const left = (startMs - frame.view.startMs) * scale;
      context.fillRect(left, top, (Math.min(endMs, frame.nowMs) - startMs) * scale, height);
    }
  }
}
