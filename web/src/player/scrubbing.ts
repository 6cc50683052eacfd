/** Follows a hand with the pictures, no faster than they come: seeks that pile up would show nothing at all. */
import type { SteadyPlayer } from '../moment';
import type { Channel } from './channel';
import type { Conductor } from './conductor';

const LOOK_MS = 40;
/** At least so much lies between two moments that are asked for. */
const LEAST_MS = 100;
/** A picture that has not come after this is left behind for the next one. */
const MOST_MS = 900;

/** Does a picture show what it was asked for, or is it clear that it will not? */
function isThere({ condition, video }: Channel): boolean {
  const { value } = condition;
  return value === 'showing' ? !video.seeking : value !== 'loading' && value !== 'slow';
}

export class Scrubbing {
  readonly #conductor: Conductor;
  #wantedMs: number | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #timer = 0;

  constructor(conductor: Conductor) {
    this.#conductor = conductor;
  }

  scrub(ms: number): void {
    this.#wantedMs = ms;
    if (this.#timer === 0) this.#look();
  }

  /** Want nothing more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#wantedMs = null;
  }

  #look(): void {
    this.#timer = 0;
    if (this.#wantedMs === null) return;
    const waitedMs = performance.now() - this.#askedAtMs;
    const areThere = this.#conductor.channels.peek().every(isThere);
    if (waitedMs >= MOST_MS || (areThere && waitedMs >= LEAST_MS)) {
      this.#askedAtMs = performance.now();
      this.#conductor.goTo(this.#wantedMs);
      this.#wantedMs = null;
    } else this.#timer = window.setTimeout(() => this.#look(), LOOK_MS);
  }
}

/** The player's commands with that of following a hand. */
export function steady(conductor: Conductor): SteadyPlayer & { end(): void } {
  const scrubbing = new Scrubbing(conductor);
  return {
    goTo: (ms) => {
      scrubbing.end();
      conductor.goTo(ms);
    },
    goLive: () => {
      scrubbing.end();
      conductor.goLive();
    },
    play: () => conductor.play(),
    pause: () => conductor.pause(),
    toggle: () => conductor.toggle(),
    step: (frames) => conductor.step(frames),
    setRate: (rate) => conductor.setRate(rate),
    scrub: (ms) => scrubbing.scrub(ms),
    end: () => scrubbing.end(),
  };
}
