/**
 * What the layers draw, fetched tile by tile (tiles.ts) and kept within bounds. Drawing never waits: a layer takes what
 * is here, says what it would like to have, and is drawn again once that has come.
 *
 * A tile that reached into the present is asked for again and again while it is seen, any other now and then: footage
 * is deleted, and fetched later from other servers. What is old stays drawn until the new is there.
 */
import { MINUTE_MS } from '../lengths';
import type { Slots } from '../parts/slots';
import { Keep } from './keep';
import { spanOf, type View } from './scale';
import {
  boundsOf,
  boundsOfRow,
  byImportance,
  levelFor,
  type Piece,
  piecesOf,
  type Row,
  resolutionMs,
  rowsOf,
  type Shape,
  type Tile,
  tileKey,
  tilesIn,
} from './tiles';

/** What is asked for. */
export interface Asked extends View {
  /** It reaches into the present: `endMs` is now. */
  readonly isOpen: boolean;
}

export interface Origin<Value> {
  readonly shape: Shape;
  /** Lower goes first, where several feeds wait for a place. */
  readonly rank: number;
  /** How many cameras one request can ask for. */
  readonly mostIds: number;
  /** How much all kept values may weigh by `weigh`. */
  readonly mostWeight: number;
  weigh(value: Value): number;
  /** Told of each value that is no longer kept. */
  forget?(value: Value): void;
  /** After how long a tile that reaches into the present is asked for anew, in milliseconds. */
  liveFreshMs?(resolutionMs: number): number;
  /** Whether it is asked for, until it is refused, before it is known which cameras there are: as ahead.ts does. */
  readonly isAhead?: boolean;
  /** Whether only what is seen is asked for, and not what would be wanted next. */
  readonly isFrugal?: boolean;
  /** Whether the view must have come to rest before anything is asked for: many requests, or dear ones. */
  readonly isPatient?: boolean;
  /** Return what of a value lies within a range: with this, tiles that lie side by side are one request. */
  cut?(value: Value, range: View): Value;
  /** Return a value for each camera; ids that are left out have nothing there. */
  load(ids: number[], range: Asked, resolutionMs: number, signal: AbortSignal): Promise<Map<number, Value>>;
}

/** What a feed asks of what is around it. */
export interface World {
  nowMs(): number;
  /** Whether somebody can see the page: what is old is renewed only then. */
  isSeen(): boolean;
  /** Whether it is known which cameras there are: of others each question is refused. */
  isListed(): boolean;
  /** Called when something has come, or could not be had. */
  changed(): void;
}

interface Entry<Value> {
  readonly value: Value | null;
  readonly askedMs: number;
}

interface Flight extends Row {
  readonly abort: AbortController;
}

export interface Drawn<Value> extends Piece {
  /** Null: nothing is known yet. Of another level it is drawn all the same. */
  readonly value: Value | null;
  readonly isKnown: boolean;
}

const SETTLED_AFTER_MS = MINUTE_MS; // what is written now is told some seconds late
const SETTLED_FRESH_MS = 3 * MINUTE_MS;
const LIVE_FRESH_MS = [2000, 15_000] as const;
const CALM_MS = 80; // how long a view must be wanted before it is asked for, where something can be drawn already
const PATIENT_CALM_MS = 180;
const RETRY_MS = [2000, 30_000] as const;

export class Feed<Value> {
  readonly shape: Shape;
  readonly #origin: Origin<Value>;
  readonly #slots: Slots;
  readonly #world: World;
  readonly #kept: Keep<Entry<Value>>;
  readonly #flights = new Set<Flight>();
  #wanted: { ids: readonly number[]; view: View; width: number } | null = null;
  #isStillWanted = false;
  #isNew = false;
  /** The levels of which a tile has come: of the others none is looked for, and there are thousands. */
  readonly #levels = new Set<number>();
  /** Whether nothing but what is seen was asked for, and the rest is to follow. */
  #isMoreWanted = false;
  #timer = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #failures = 0;
  #retryMs = 0;
  #failure: unknown = null;

  constructor(origin: Origin<Value>, slots: Slots, world: World) {
    this.shape = origin.shape;
    this.#origin = origin;
    this.#slots = slots;
    this.#world = world;
    this.#kept = new Keep(
      origin.mostWeight,
      ({ value }) => 8 + (value === null ? 0 : origin.weigh(value)),
      ({ value }) => value !== null && origin.forget?.(value),
    );
  }

  /** Why the last request failed; null after one that did not. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Whether all that the view needs is here, of its own level. */
  get isWhole(): boolean {
    return this.#wanted !== null && this.#missing(this.#wanted.ids, this.#ideal(), false).length === 0;
  }

  /** Say what is shown; called with each drawing. */
  want(ids: readonly number[], view: View, width: number): void {
    const before = this.#wanted;
    const isSame = before?.view.startMs === view.startMs && before.view.endMs === view.endMs && before.ids === ids;
    this.#wanted = { ids, view, width };
    this.#isStillWanted = true;
    if (before && `${before.ids}` !== `${ids}`) this.#retryMs = 0; // it may have been refused for one of those before
    if (isSame && before.width === width) return;
    if (!before && !this.#origin.isPatient) this.#isNew = true;
    else if (this.#origin.isPatient) this.#wait(before ? PATIENT_CALM_MS : 0);
    else if (this.#dueMs > performance.now() + CALM_MS) this.#later(this.#isBlank() ? 0 : CALM_MS);
  }

  /** Called after each drawing: ends all requests where no layer wanted anything. */
  settle(): void {
    if (!this.#isStillWanted && this.#wanted) this.stop();
    this.#isStillWanted = false;
    if (this.#isNew) this.#ask(); // before the browser paints: the answers come meanwhile
    this.#isNew = false;
  }

  /** Return from what a camera's lane is drawn within a view. */
  drawn(id: number, view: View, width: number): Drawn<Value>[] {
    const level = levelFor(this.shape, view, width);
    const isReady = (tile: Tile) => this.#levels.has(tile.level) && this.#kept.peek(this.#key(tile, id)) !== undefined;
    const pieces = piecesOf(this.shape, level, view, isReady);
    return pieces.map((piece) => {
      const entry = piece.tile && this.#kept.get(this.#key(piece.tile, id));
      return { ...piece, value: entry?.value ?? null, isKnown: Boolean(entry) };
    });
  }

  /** Ask anew for all that is shown: something was changed. */
  renew(): void {
    this.#kept.clear();
    this.#later(0);
  }

  /** End all requests; nothing is asked for until the next `want`. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#wanted = null;
    [this.#failures, this.#retryMs, this.#failure] = [0, 0, null];
    for (const flight of this.#flights) flight.abort.abort();
  }

  #key(tile: Tile, id: number): string {
    return `${tileKey(tile)}/${id}`;
  }

  /** Look what is missing in so many milliseconds, or sooner if that was to be already. */
  #later(waitMs: number): void {
    if (performance.now() + waitMs < this.#dueMs) this.#wait(waitMs);
  }

  #wait(waitMs: number): void {
    clearTimeout(this.#timer);
    this.#dueMs = performance.now() + waitMs;
    this.#timer = Number(setTimeout(() => this.#ask(), waitMs));
  }

  /** Whether somewhere nothing can be drawn, not even of another level. */
  #isBlank(): boolean {
    const wanted = this.#wanted;
    const nowMs = this.#world.nowMs(); // what is still to come is asked for by nobody
    const isBlank = (piece: Drawn<Value>) => !piece.isKnown && piece.startMs < nowMs;
    return !wanted || wanted.ids.some((id) => this.drawn(id, wanted.view, wanted.width).some(isBlank));
  }

  #ideal(): Tile[] {
    if (!this.#wanted) return [];
    const { view, width } = this.#wanted;
    return this.#past(byImportance(this.shape, tilesIn(this.shape, levelFor(this.shape, view, width), view), view));
  }

  /** What would be wanted next: what is coarser, and what lies beside. */
  #around(): Tile[] {
    if (!this.#wanted || this.#origin.isFrugal) return [];
    const { view, width } = this.#wanted;
    const level = levelFor(this.shape, view, width);
    const top = this.shape.levels - 1;
    const coarser = [...new Set([Math.min(level + 1, top), top])].flatMap((one) => tilesIn(this.shape, one, view));
    const spanMs = spanOf(view) / 2;
    const wide = { startMs: view.startMs - spanMs, endMs: view.endMs + spanMs };
    return this.#past([...coarser, ...tilesIn(this.shape, level, wide)]);
  }

  #past(tiles: Tile[]): Tile[] {
    return tiles.filter((tile) => boundsOf(this.shape, tile).startMs < this.#world.nowMs());
  }

  #missing(ids: readonly number[], tiles: readonly Tile[], isFreshWanted: boolean): { tile: Tile; ids: number[] }[] {
    const found = tiles.map((tile) => ({
      tile,
      ids: ids.filter((id) => {
        const entry = this.#kept.peek(this.#key(tile, id));
        return !entry || (isFreshWanted && this.#isOld(tile, entry));
      }),
    }));
    return found.filter((one) => one.ids.length);
  }

  #isOld(tile: Tile, entry: Entry<Value>): boolean {
    return this.#world.nowMs() - entry.askedMs >= this.#freshMs(tile, entry);
  }

  #freshMs(tile: Tile, entry: Entry<Value>): number {
    if (boundsOf(this.shape, tile).endMs < entry.askedMs - SETTLED_AFTER_MS) return SETTLED_FRESH_MS;
    const resolution = resolutionMs(this.shape, tile.level);
    return this.#origin.liveFreshMs?.(resolution) ?? Math.min(Math.max(resolution, LIVE_FRESH_MS[0]), LIVE_FRESH_MS[1]);
  }

  /** Begin the requests that are missing, and end those that nobody wants any more. */
  #ask(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    const wanted = this.#wanted;
    if (!wanted) return;
    const isEarly = this.#origin.isAhead && this.#failures === 0;
    if (!isEarly && !this.#world.isListed()) return; // with the list of cameras the lanes come anew
    const waitMs = this.#retryMs - performance.now();
    if (waitMs > 0) {
      this.#later(waitMs);
      return;
    }
    const ideal = this.#ideal();
    const around = this.#around();
    this.#drop([...ideal, ...around], wanted.ids);
    this.#fly(wanted.ids, ideal, 0);
    this.#isMoreWanted = this.#isBlank(); // what nobody sees yet would take connections and time from what is waited for
    if (!this.#isMoreWanted) this.#fly(wanted.ids, around, 1);
    if (this.#world.isSeen() || this.#isBlank()) this.#later(this.#soonest(ideal, wanted.ids));
  }

  /** In how many milliseconds the next of the shown tiles is old. */
  #soonest(tiles: readonly Tile[], ids: readonly number[]): number {
    let soonest: number = LIVE_FRESH_MS[1];
    for (const tile of tiles) {
      for (const id of ids) {
        const entry = this.#kept.peek(this.#key(tile, id));
        if (entry) soonest = Math.min(soonest, this.#freshMs(tile, entry) - (this.#world.nowMs() - entry.askedMs));
      }
    }
    return Math.max(soonest, 250);
  }

  #drop(tiles: readonly Tile[], ids: readonly number[]): void {
    const keys = new Set(tiles.map(tileKey));
    for (const flight of this.#flights) {
      const isWanted =
        flight.tiles.some((tile) => keys.has(tileKey(tile))) && flight.ids.some((id) => ids.includes(id));
      if (!isWanted) flight.abort.abort();
    }
  }

  /** Ask for what is missing of some tiles; `extra` 1: nobody sees it yet. */
  #fly(ids: readonly number[], tiles: readonly Tile[], extra: 0 | 1): void {
    const missing = this.#missing(ids, tiles, extra === 0).map((one) => ({ ...one, ids: this.#grounded(one) }));
    const rows: Row[] = this.#origin.cut ? rowsOf(missing) : missing.map((one) => ({ ...one, tiles: [one.tile] }));
    for (const row of rows) {
      for (let first = 0; first < row.ids.length; first += this.#origin.mostIds) {
        const some = row.ids.slice(first, first + this.#origin.mostIds);
        const flight = { tiles: row.tiles, ids: some, abort: new AbortController() };
        this.#flights.add(flight);
        void this.#bring(flight, this.#origin.rank + 10 * extra);
      }
    }
  }

  /** The cameras of which nobody asks for a tile already. */
  #grounded({ tile, ids }: { tile: Tile; ids: number[] }): number[] {
    const key = tileKey(tile);
    const flights = [...this.#flights].filter(({ tiles }) => tiles.some((one) => tileKey(one) === key));
    return ids.filter((id) => !flights.some((flight) => flight.ids.includes(id)));
  }

  async #bring(flight: Flight, rank: number): Promise<void> {
    const { tiles, ids, abort } = flight;
    const { startMs, endMs } = boundsOfRow(this.shape, flight);
    try {
      const load = async () => {
        const nowMs = this.#world.nowMs();
        const range = { startMs, endMs: Math.max(Math.min(endMs, nowMs), startMs + 1), isOpen: endMs > nowMs };
        const found = await this.#origin.load([...ids], range, resolutionMs(this.shape, tiles[0].level), abort.signal);
        return [nowMs, found] as const;
      };
      const [askedMs, values] = await this.#slots.run(load, rank, abort.signal);
      for (const id of ids) this.#keep(id, tiles, values.get(id) ?? null, askedMs);
      [this.#failures, this.#retryMs, this.#failure] = [0, 0, null];
      if (this.#isMoreWanted) this.#later(CALM_MS); // what has come is drawn first
      this.#world.changed();
    } catch (error) {
      if (!abort.signal.aborted) this.#fail(error);
    } finally {
      this.#flights.delete(flight);
    }
  }

  #keep(id: number, tiles: readonly Tile[], whole: Value | null, askedMs: number): void {
    for (const tile of tiles) {
      const cut = whole === null || tiles.length === 1 ? whole : this.#origin.cut?.(whole, boundsOf(this.shape, tile));
      this.#levels.add(tile.level);
      this.#kept.set(this.#key(tile, id), { value: cut ?? null, askedMs });
    }
  }

  #fail(error: unknown): void {
    this.#failure = error;
    const now = performance.now();
    if (now >= this.#retryMs) {
      this.#failures += 1;
      this.#retryMs = now + Math.min(RETRY_MS[0] * 2 ** (this.#failures - 1), RETRY_MS[1]);
    }
    this.#later(this.#retryMs - now);
    this.#world.changed();
  }
}
