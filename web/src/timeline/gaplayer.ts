/** Gaps with their causes: a colour and a pattern for each family of causes. */
import type { Gap } from '../api/footage';
import { causeText, FAMILIES, type Family, familyOf } from '../causes';
import { clockText, dayText, durationText, momentText } from '../instants';
import type { Feed } from './feed';
import { partsOf } from './lanes';
import { columnOf, dotsOf, type Frame, type Layer } from './layer';
import { say } from './words';

/** Below, a pattern cannot be told: the plain colour is drawn. */
const PATTERN_PX = 5;

/** Return gaps of neighbouring tiles, in order: one that reaches over an edge comes in two parts, and is one. */
export function joined(gaps: readonly Gap[]): Gap[] {
  const found: Gap[] = [];
  for (const gap of gaps) {
    const last = found.at(-1);
    const isSame = last !== undefined && last.cause === gap.cause && gap.startMs <= last.endMs;
    if (!isSame) found.push(gap);
    else if (gap.endMs > last.endMs) found[found.length - 1] = { ...last, endMs: gap.endMs };
  }
  return found;
}

export class GapLayer implements Layer {
  readonly name = 'gaps';
  readonly #feed: Feed<readonly Gap[]>;
  #frame: Frame | null = null;

  constructor(feed: Feed<readonly Gap[]>) {
    this.#feed = feed;
  }

  want(frame: Frame): void {
    this.#frame = frame;
    this.#feed.want(frame.ids, frame.view, frame.width * frame.density);
  }

  draw(context: CanvasRenderingContext2D, frame: Frame): void {
    for (const lane of frame.lanes) {
      const { barTop, barHeight } = partsOf(lane);
      const gaps = this.gaps(lane.id, frame);
      for (const family of FAMILIES) {
        const own = gaps.filter((gap) => familyOf(gap.cause) === family);
        if (own.length) this.#drawFamily(context, frame, own, family, dotsOf(frame, barTop), dotsOf(frame, barHeight));
      }
    }
  }

  tell(id: number, ms: number, nearMs: number): string[] {
    const gap = this.at(id, ms, nearMs);
    if (!gap) return [];
    const isOneDay = dayText(gap.startMs) === dayText(gap.endMs);
    const text = isOneDay ? clockText : momentText;
    return [
      `${causeText(gap.cause)} · ${durationText(gap.endMs - gap.startMs)}`,
      say('shownRange', { from: text(gap.startMs), to: text(gap.endMs) }),
      ...(gap.detail ? [gap.detail] : []),
    ];
  }

  /** The gap at a moment, else the one nearest to it within some milliseconds. */
  at(id: number, ms: number, nearMs: number): Gap | null {
    if (!this.#frame) return null;
    const away = (gap: Gap) => Math.max(gap.startMs - ms, ms - gap.endMs, 0);
    const near = this.gaps(id, this.#frame).filter((gap) => away(gap) <= nearMs);
    return near.sort((one, other) => away(one) - away(other))[0] ?? null;
  }

  /** The gaps of a camera within what is shown, in order, each once, as far as they are known. */
  gaps(id: number, frame: Frame): Gap[] {
    const drawn = this.#feed.drawn(id, frame.view, frame.width * frame.density);
    return joined(
      drawn.flatMap(({ startMs, endMs, value }) =>
        (value ?? []).filter((gap) => gap.endMs > startMs && gap.startMs < endMs),
      ),
    );
  }

  #drawFamily(
    context: CanvasRenderingContext2D,
    frame: Frame,
    gaps: readonly Gap[],
    family: Family,
    top: number,
    height: number,
  ): void {
    let drawnTo = Number.NEGATIVE_INFINITY;
    for (const gap of gaps) {
      const left = columnOf(frame, Math.max(gap.startMs, frame.view.startMs));
      const right = Math.max(columnOf(frame, Math.min(gap.endMs, frame.view.endMs)), left + 1);
      if (right <= drawnTo) continue;
      const isThin = right - left < dotsOf(frame, PATTERN_PX);
      context.fillStyle = isThin ? frame.colours.thinGaps[family] : frame.colours.gaps[family];
      context.fillRect(left, top, right - left, height);
      drawnTo = right;
    }
  }
}
