/** What people and the recorder have noted of footage: tags of records, pins, comments. All come in one answer. */
import { momentText } from '../instants';
import { TAG_COLOURS } from './colours';
import type { Feed } from './feed';
import { partsOf } from './lanes';
import { columnOf, dotsOf, type Frame, type Layer } from './layer';
import { clustersOf } from './runs';
import { say } from './words';

export type MarkKind = 'record' | 'pin' | 'comment';

/** A noted stretch; `endMs` null: it goes on, or is of an instant (a comment). */
export interface Mark {
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number | null;
  /** The tag, the reason, or what was said. */
  readonly text: string;
  /** Who pinned or said it; empty where nobody did. */
  readonly who: string;
}

/** The marks of one kind of a tile; where there were too many, how many begin in each cell. */
export interface MarkSet {
  readonly marks: readonly Mark[];
  readonly counts: { readonly startMs: number; readonly cellMs: number; readonly values: readonly number[] } | null;
}

export type Marks = Record<MarkKind, MarkSet>;
export type MarkFeed = Feed<Marks>;

const COMMENT_PX = 9;
const NEAR_PX = 12;

/** The colour of a tag: the same on every screen. */
function tagColour(tag: string): number {
  let sum = 7;
  for (const letter of tag) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003;
  return sum % TAG_COLOURS;
}

abstract class MarkLayer implements Layer {
  abstract readonly name: MarkKind;
  readonly #feed: MarkFeed;
  #frame: Frame | null = null;

  constructor(feed: MarkFeed) {
    this.#feed = feed;
  }

  abstract draw(context: CanvasRenderingContext2D, frame: Frame): void;
  protected abstract line(mark: Mark): string;

  want(frame: Frame): void {
    this.#frame = frame;
    this.#feed.want(frame.ids, frame.view, frame.width * frame.density);
  }

  tell(id: number, ms: number, nearMs: number): string[] {
    const frame = this.#frame;
    if (!frame) return [];
    const isNear = (mark: Mark) => mark.startMs - nearMs <= ms && ms <= this.endOf(mark, frame) + nearMs;
    return this.marks(id, frame)
      .filter(isNear)
      .map((mark) => this.line(mark));
  }

  /** The marks of a camera within what is shown, each once, by their begin. */
  marks(id: number, frame: Frame): Mark[] {
    const found = new Map<string, Mark>();
    for (const { value } of this.#drawn(id, frame)) {
      for (const mark of value?.[this.name].marks ?? []) {
        if (mark.startMs < frame.view.endMs && this.endOf(mark, frame) >= frame.view.startMs) found.set(mark.id, mark);
      }
    }
    return [...found.values()].sort((one, other) => one.startMs - other.startMs);
  }

  /** The middles of the cells in which some begin, where there were too many to be told one by one. */
  protected crowds(id: number, frame: Frame): number[] {
    return this.#drawn(id, frame).flatMap(({ value }) => {
      const counts = value?.[this.name].counts;
      if (!counts) return [];
      const middle = (number: number) => counts.startMs + (number + 0.5) * counts.cellMs;
      return counts.values.flatMap((count, number) => (count ? [middle(number)] : []));
    });
  }

  protected endOf(mark: Mark, frame: Frame): number {
    if (mark.endMs !== null) return mark.endMs;
    return this.name === 'comment' ? mark.startMs : frame.nowMs;
  }

  #drawn(id: number, frame: Frame) {
    return this.#feed.drawn(id, frame.view, frame.width * frame.density);
  }
}

/** Strips above the footage, coloured by tag. */
export class RecordLayer extends MarkLayer {
  readonly name = 'record';

  draw(context: CanvasRenderingContext2D, frame: Frame): void {
    for (const lane of frame.lanes) {
      const { tagTop, tagHeight } = partsOf(lane);
      const [top, height] = [dotsOf(frame, tagTop), dotsOf(frame, tagHeight)];
      for (const mark of this.marks(lane.id, frame)) {
        const left = Math.max(columnOf(frame, mark.startMs), 0);
        const right = Math.max(columnOf(frame, Math.min(this.endOf(mark, frame), frame.view.endMs)), left + 2);
        context.fillStyle = frame.colours.tags[tagColour(mark.text)] ?? frame.colours.muted;
        context.fillRect(left, top, right - left, height);
        // Where a record begins within the view there is a notch, so that two of one tag are told apart.
        context.fillRect(left, top, dotsOf(frame, 2), height + dotsOf(frame, 2));
      }
      context.fillStyle = frame.colours.muted;
      for (const ms of this.crowds(lane.id, frame)) context.fillRect(columnOf(frame, ms), top, 2, height);
    }
  }

  protected line(mark: Mark): string {
    return say('taggedAs', { tag: mark.text });
  }
}

/** Strips below the footage that end in squares, for what must not be deleted. */
export class PinLayer extends MarkLayer {
  readonly name = 'pin';

  draw(context: CanvasRenderingContext2D, frame: Frame): void {
    const size = dotsOf(frame, 5);
    context.fillStyle = frame.colours.pin;
    for (const lane of frame.lanes) {
      const top = dotsOf(frame, partsOf(lane).pinTop);
      for (const mark of this.marks(lane.id, frame)) {
        const left = columnOf(frame, mark.startMs);
        const right = columnOf(frame, this.endOf(mark, frame));
        context.fillRect(left, top + dotsOf(frame, 1), Math.max(right - left, 2), dotsOf(frame, 3));
        context.fillRect(left, top - dotsOf(frame, 1), size, size);
        context.fillRect(Math.max(right - size, left), top - dotsOf(frame, 1), size, size);
      }
      for (const ms of this.crowds(lane.id, frame)) context.fillRect(columnOf(frame, ms), top, 2, dotsOf(frame, 3));
    }
  }

  protected line(mark: Mark): string {
    return say('pinnedFor', { reason: mark.text, who: mark.who });
  }
}

/** Speech marks on the footage, those that are near to one another as one with their number. */
export class CommentLayer extends MarkLayer {
  readonly name = 'comment';

  draw(context: CanvasRenderingContext2D, frame: Frame): void {
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.font = `600 ${dotsOf(frame, 10)}px ${frame.colours.font}`;
    for (const lane of frame.lanes) {
      const { barTop, barHeight } = partsOf(lane);
      const middle = dotsOf(frame, barTop + barHeight / 2);
      const instants = [...this.marks(lane.id, frame).map((mark) => mark.startMs), ...this.crowds(lane.id, frame)];
      const columns = instants.map((ms) => columnOf(frame, ms)).sort((one, other) => one - other);
      for (const { x, count } of clustersOf(columns, dotsOf(frame, NEAR_PX))) {
        this.#drawOne(context, frame, x, middle, count);
      }
    }
  }

  #drawOne(context: CanvasRenderingContext2D, frame: Frame, x: number, middle: number, count: number): void {
    const half = dotsOf(frame, count > 1 ? COMMENT_PX * 0.85 : COMMENT_PX / 2);
    context.fillStyle = frame.colours.panel;
    context.fillRect(x - half - 1, middle - half - 1, 2 * half + 2, 2 * half + 2);
    context.fillStyle = frame.colours.comment;
    context.fillRect(x - half, middle - half, 2 * half, 2 * half);
    // The tail that makes it a speech mark.
    context.fillRect(x - half, middle + half, dotsOf(frame, 3), dotsOf(frame, 3));
    if (count < 2) return;
    context.fillStyle = frame.colours.panel;
    context.fillText(count > 99 ? '99+' : String(count), x, middle + 1);
  }

  protected line(mark: Mark): string {
    const text = mark.text.length > 160 ? `${mark.text.slice(0, 160)}…` : mark.text;
    return say('commentOf', { who: mark.who, text, when: momentText(mark.startMs) });
  }
}
