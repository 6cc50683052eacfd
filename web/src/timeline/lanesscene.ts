/** Everything of the timeline that is no component: feeds, layers, the scene, and what there is at a moment. */

import { type Gap, timeline } from '../api/footage';
import { cameras } from '../cameras';
import { durationText, momentText, nowMs, zoneName } from '../instants';
import { FIRST_MS, LAST_FRAME_MS, SECOND_MS } from '../lengths';
import { areLanesDrawn } from '../moment';
import { findNearest } from '../nearest';
import { Slots } from '../parts/slots';
import { language } from '../words';
import { zoneOf } from '../zones';
import { type Activity, ActivityLayer } from './activitylayer';
import { CoverageLayer } from './coveragelayer';
import { Feed } from './feed';
import { GapLayer } from './gaplayer';
import { GridLayer } from './gridlayer';
import type { Frame, Layer } from './layer';
import { CommentLayer, type Marks, PinLayer, RecordLayer } from './marklayers';
import { activityOrigin, coverageOrigin, gapOrigin, markOrigin } from './origins';
import { KeyPictures, type Picture, type Sheet, sheetOrigin, thumbnailAt, wantSheets } from './pictures';
import type { Spans } from './runs';
import { isWithin, spanOf, type View } from './scale';
import { Scene } from './scene';
import { type Cursor, cursor, isOn, laneWidth, news } from './store';
import { say } from './words';

const NEAR_PX = 5; // what lies so near to the pointer is meant
const CONNECTIONS = 3; // of the six that a browser has for a host: the player needs most of them
const COARSEST_S = 200_000; // decades in one answer

/** What layers are drawn from; `mayHave` tells whether a camera may have footage in a range. */
function feedsOf(changed: () => void, mayHave: Parameters<typeof sheetOrigin>[0]) {
  const slots = new Slots(CONNECTIONS);
  const world = { nowMs, isSeen: () => !document.hidden, isListed: () => cameras.peek() !== null, changed };
  return {
    coverage: new Feed(coverageOrigin, slots, world),
    gaps: new Feed(gapOrigin, slots, world),
    activity: new Feed(activityOrigin, slots, world),
    marks: new Feed(markOrigin, slots, world),
    sheets: new Feed(sheetOrigin(mayHave), slots, world),
  };
}

export class LanesScene {
  readonly coverage: CoverageLayer;
  readonly gapLayer: GapLayer;
  readonly scene: Scene;
  readonly #feeds: {
    coverage: Feed<Spans>;
    gaps: Feed<readonly Gap[]>;
    activity: Feed<Activity>;
    marks: Feed<Marks>;
    sheets: Feed<Sheet>;
  };
  readonly #layers: readonly Layer[];
  readonly #pictures: KeyPictures;
  #sheetIds: readonly number[] = [];
  #isNoted = false;

  constructor(canvas: HTMLCanvasElement, probe: HTMLElement, view: () => View) {
    performance.mark('timeline: begun');
    const changed = () => {
      news.value += 1;
      this.scene.draw();
    };
    this.#feeds = feedsOf(changed, (id, range) => this.coverage.mayHave(id, range));
    this.#pictures = new KeyPictures(changed);
    this.coverage = new CoverageLayer(this.#feeds.coverage);
    this.gapLayer = new GapLayer(this.#feeds.gaps);
    this.#layers = [
      new GridLayer(), // below the rest: a line over footage would look like a gap
      this.coverage,
      this.gapLayer,
      new ActivityLayer(this.#feeds.activity),
      new RecordLayer(this.#feeds.marks),
      new PinLayer(this.#feeds.marks),
      new CommentLayer(this.#feeds.marks),
    ];
    this.scene = new Scene({
      canvas,
      probe,
      view,
      layers: this.#layers,
      feeds: Object.values(this.#feeds),
      isShown: (layer) => layer.name === null || isOn(layer.name),
      drawn: (frame) => {
        laneWidth.value = frame.width;
        this.#wantSheets(frame);
        this.#note(frame);
      },
    });
  }

  /** Why what is drawn may be old; null while all is well. */
  get failure(): unknown {
    return this.#feeds.coverage.failure;
  }

  stop(): void {
    this.scene.stop();
    this.#pictures.stop();
  }

  /** What can be said of a moment: the time first, then what there is, each a line. */
  tell({ ms, id }: Cursor): string[] {
    const time = this.#timeText(ms);
    const frame = this.scene.frame;
    if (id === null || !frame) return [time];
    if (ms > nowMs()) return [time, say('notYet')];
    const nearMs = (NEAR_PX / frame.width) * spanOf(frame.view);
    const told = this.#layers
      .filter((layer) => layer.name !== null && isOn(layer.name))
      .flatMap((layer) => layer.tell(id, ms, nearMs));
    const isExplained = isOn('gaps') && this.gapLayer.at(id, ms, 0) !== null;
    return [time, ...(isExplained ? [] : this.#tellFootage(id, ms, frame)), ...told];
  }

  #timeText(ms: number): string {
    const zone = zoneOf(zoneName());
    const again = zone.isAmbiguous(ms) ? ` ${zone.offsetText(ms, language.value)}` : '';
    return momentText(ms) + again;
  }

  #tellFootage(id: number, ms: number, { view, width, density }: Frame): string[] {
    const seen = isWithin(view, ms) ? view : { startMs: ms - spanOf(view) / 2, endMs: ms + spanOf(view) / 2 };
    const dots = width * density;
    const { isFootage, startMs, endMs } = this.coverage.at(id, ms, seen, dots);
    if (isFootage) return [];
    if (!this.coverage.isKnown(id, { startMs: ms, endMs: ms + 1 }, 1)) return [say('notKnown')];
    const isWhole = startMs !== null && endMs !== null;
    return [isWhole ? say('gapOf', { length: durationText(endMs - startMs) }) : say('noFootage')];
  }

  /** Whether there is footage of a camera at a moment that is shown. */
  isFootage(id: number, ms: number): boolean {
    const frame = this.scene.frame;
    return frame !== null && this.coverage.at(id, ms, frame.view, frame.width * frame.density).isFootage;
  }

  /** The best picture of a moment that is here; better ones are asked for. Null in gaps. */
  picture({ ms, id }: Cursor): Picture | null {
    const frame = this.scene.frame;
    if (!frame || id === null || !isOn('thumbnails') || !this.isFootage(id, ms)) {
      this.#pictures.stop();
      return null;
    }
    const nearMs = Math.max(Math.round((2 / frame.width) * spanOf(frame.view)), SECOND_MS);
    this.#pictures.rest(id, ms, nearMs);
    return this.#pictures.at(id, ms, nearMs) ?? thumbnailAt(this.#feeds.sheets, id, ms, frame.view, frame.width);
  }

  /** The pointer has gone: no picture is wanted. */
  leave(): void {
    this.#pictures.stop();
  }

  /** When footage next begins or ends (1), or last did (-1), of what is shown; null where there is none. */
  edge(id: number, fromMs: number, direction: 1 | -1): number | null {
    const frame = this.scene.frame;
    if (!frame) return null;
    const wide = this.#wide(frame);
    const stretches = this.coverage.stretches(id, wide, 5 * frame.width * frame.density);
    const inner = (ms: number) => ms > wide.startMs + 1 && ms < wide.endMs - 1;
    const edges = stretches.flatMap(({ startMs, endMs }) => [startMs, endMs]).filter(inner);
    const beyond = edges.filter((ms) => (direction > 0 ? ms > fromMs + 1 : ms < fromMs - 1));
    return (direction > 0 ? beyond[0] : beyond.at(-1)) ?? null;
  }

  /** The gap of a camera at a moment, as far as it is known; null in footage, and where it ends nowhere near. */
  gapAt(id: number, ms: number, nearMs: number): View | null {
    const frame = this.scene.frame;
    if (!frame) return null;
    const { isFootage, startMs, endMs } = this.coverage.at(id, ms, this.#wide(frame), 5 * frame.width * frame.density);
    if (!isFootage && (startMs !== null || endMs !== null)) {
      return { startMs: startMs ?? frame.view.startMs, endMs: endMs ?? Math.min(frame.view.endMs, nowMs()) };
    }
    return isFootage ? this.gapLayer.at(id, ms, nearMs) : null; // one thinner than a pixel is pointed at beside it
  }

  /** The moment that is meant where a camera has nothing: the last frame before, or the first after, if they are near. */
  snapped(id: number, ms: number, nearMs: number): number {
    const frame = this.scene.frame;
    if (!frame || this.isFootage(id, ms)) return ms;
    const { startMs, endMs } = this.coverage.at(id, ms, this.#wide(frame), 5 * frame.width * frame.density);
    const beforeMs = startMs === null ? Number.POSITIVE_INFINITY : ms - startMs;
    const afterMs = endMs === null ? Number.POSITIVE_INFINITY : endMs - ms;
    if (Math.min(beforeMs, afterMs) > nearMs) return ms;
    return beforeMs <= afterMs ? ms - beforeMs - LAST_FRAME_MS : ms + afterMs;
  }

  /** Some time more than what is shown, in which edges are looked for. */
  #wide({ view }: Frame): View {
    const spanMs = spanOf(view);
    return { startMs: view.startMs - 2 * spanMs, endMs: Math.min(view.endMs + 2 * spanMs, nowMs()) };
  }

  /** The edge of the nearest footage beyond what is known, from within a gap; null where there is none. Raises ApiError. */
  async farEdge(id: number, fromMs: number, direction: 1 | -1): Promise<number | null> {
    if (this.isFootage(id, fromMs)) return null;
    const { beforeMs, afterMs } = await findNearest([id], fromMs);
    return direction > 0 ? afterMs : beforeMs;
  }

  /** When the oldest footage of all shown cameras begins; null where there is none. Raises ApiError. */
  async oldest(): Promise<number | null> {
    const ids = this.scene.frame?.ids ?? [];
    if (!ids.length) return null;
    const { sources } = await timeline([...ids], FIRST_MS, nowMs(), COARSEST_S);
    const begins = sources.flatMap(({ spans }) => spans.slice(0, 1).map((span) => Date.parse(span.start_utc)));
    return begins.length ? Math.min(...begins) : null;
  }

  /** Note in the browser's own record of times when all lanes were drawn for the first time. */
  #note({ ids }: Frame): void {
    if (this.#isNoted || !ids.length || !this.#feeds.coverage.isWhole) return;
    this.#isNoted = true;
    performance.mark('timeline: all is drawn');
    areLanesDrawn.value = true;
  }

  #wantSheets(frame: Frame): void {
    const id = cursor.peek()?.id ?? null;
    if (id === null || !isOn('thumbnails')) return;
    if (this.#sheetIds[0] !== id) this.#sheetIds = [id];
    wantSheets(this.#feeds.sheets, this.#sheetIds, frame.view, frame.width);
  }
}
