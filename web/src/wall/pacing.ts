/**
 * Which cameras are asked for a still next. Browsers open six connections to a service over HTTP/1.1, and the page needs
 * some for all else: few stills are under way at once, of tiles that are seen, the longest due first. A camera that gives
 * nothing is asked more and more rarely, and such cameras, which take seconds to say so, never hold more than one place.
 */

/** How many stills are under way at once. */
const MOST_AT_ONCE = 3;
/** A camera that records, or serves pictures, gives one at once; any other is connected to for each still. */
export const PERIOD_MS = { cheap: 2000, dear: 8000 } as const;
const FIRST_BACK_OFF_MS = 4000;
const MOST_BACK_OFF_MS = 60_000;

interface Turn {
  seen: number;
  periodMs: number;
  dueMs: number;
  failures: number;
  isUnderWay: boolean;
}

/** How long to wait after so many failures in a row, in milliseconds. */
export function backOffMs(failures: number): number {
  return Math.min(MOST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.max(failures - 1, 0));
}

export class Pacing {
  readonly #turns = new Map<number, Turn>();
  readonly #most: number;

  constructor(most = MOST_AT_ONCE) {
    this.#most = most;
  }

  /** A tile of the camera has come into view; a camera in two groups has two tiles and is asked once. */
  show(id: number): void {
    const turn = this.#turns.get(id);
    if (turn) turn.seen += 1;
    else this.#turns.set(id, { seen: 1, periodMs: PERIOD_MS.dear, dueMs: 0, failures: 0, isUnderWay: false });
  }

  /** A tile has left the view. What is known of the camera is kept, so that scrolling does not ask it anew. */
  hide(id: number): void {
    const turn = this.#turns.get(id);
    if (turn) turn.seen = Math.max(0, turn.seen - 1);
  }

  /** Set how often a camera is asked; one that is asked more often from now on is due sooner. */
  setPeriod(id: number, periodMs: number): void {
    const turn = this.#turns.get(id);
    if (!turn || turn.periodMs === periodMs) return;
    if (turn.failures === 0) turn.dueMs -= Math.max(0, turn.periodMs - periodMs);
    turn.periodMs = periodMs;
  }

  /** Take the cameras to ask now; each is under way until `done`. */
  take(nowMs: number): number[] {
    const taken: number[] = [];
    let free = this.#most - this.#countUnderWay();
    for (const [id, turn] of this.#waiting()) {
      if (free === 0) break;
      if (turn.dueMs > nowMs || (turn.failures > 0 && this.#isSilentUnderWay())) continue;
      turn.isUnderWay = true;
      taken.push(id);
      free -= 1;
    }
    return taken;
  }

  /** Say whether the camera gave a picture. */
  done(id: number, nowMs: number, isGood: boolean): void {
    const turn = this.#turns.get(id);
    if (!turn) return;
    turn.isUnderWay = false;
    turn.failures = isGood ? 0 : turn.failures + 1;
    turn.dueMs = nowMs + (isGood ? turn.periodMs : backOffMs(turn.failures));
  }

  /** Ask the camera as soon as there is a place, whatever it said before. */
  hurry(id: number): void {
    const turn = this.#turns.get(id);
    if (turn) Object.assign(turn, { dueMs: 0, failures: 0 });
  }

  /** When `take` may next give something, in milliseconds since the epoch; null where only `done` or `show` can tell. */
  dueMs(): number | null {
    if (this.#countUnderWay() >= this.#most) return null;
    const isBusy = this.#isSilentUnderWay();
    const first = this.#waiting().find(([, turn]) => turn.failures === 0 || !isBusy);
    return first?.[1].dueMs ?? null;
  }

  #waiting(): [number, Turn][] {
    const seen = [...this.#turns].filter(([, turn]) => turn.seen > 0 && !turn.isUnderWay);
    return seen.sort(([, one], [, other]) => one.dueMs - other.dueMs);
  }

  #countUnderWay(): number {
    return [...this.#turns.values()].filter((turn) => turn.isUnderWay).length;
  }

  #isSilentUnderWay(): boolean {
    return [...this.#turns.values()].some((turn) => turn.isUnderWay && turn.failures > 0);
  }
}
