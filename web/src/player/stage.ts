/** Puts the pictures of all cameras on the screen together: a frame is shown when each camera has that of its instant. */

import { isPlaying, rate } from '../moment';
import type { Channel } from './channel';
import type { Clock } from './clock';
import { USUAL_FRAME_MS } from './frametimes';
import type { Interval } from './intervals';
import { pickTogether } from './together';

/** So long others wait for the frame of one camera, ms: longer than a busy machine lets a browser stand. */
const PATIENCE_MS = 400;
/** A look after a longer time is late itself, and nobody's fault. */
const LOOK_MS = 50;
/** So long frames of one instant are waited for, before those next to each other do. */
const STRICT_MS = 80;
/** Stands for the frame that is seen where none is. */
const NOTHING: Interval = { startMs: 0, endMs: 0 };

export class Stage {
  private asked = 0;
  /** When it looked last, and how long frames have been waiting for others. */
  private lookedMs = 0;
  private waitedMs = 0;
  private readonly channels: () => readonly Channel[];
  private readonly clock: Clock;

  constructor(channels: () => readonly Channel[], clock: Clock) {
    this.channels = channels;
    this.clock = clock;
  }

  /** Is there more than one picture? One alone is its video. */
  get isOn(): boolean {
    return this.channels().length > 1;
  }

  /** Do several pictures move? While the clock is held each shows what it has at once. */
  get isMoving(): boolean {
    return this.isOn && isPlaying.peek() && this.clock.isRunning;
  }

  /** A frame has come: look once before the screen is drawn. */
  readonly ask = (): void => {
    this.asked ||= requestAnimationFrame(() => {
      this.asked = 0;
      this.look();
    });
  };

  close(): void {
    cancelAnimationFrame(this.asked);
  }

  private look(): void {
    const channels = this.channels();
    const isToBeSeen = (one: Channel) => one.isMoving(this.clock.ms) || one.isArriving(this.clock.ms);
    const together = isPlaying.peek() ? channels.filter(isToBeSeen) : [];
    for (const one of channels) if (!together.includes(one)) this.showAlone(one);
    const isShown = this.show(together);
    this.count(isShown);
    const hasPatience = isShown || this.waitedMs < PATIENCE_MS;
    const moving = together.filter((one) => one.easel.goesOn);
    const leastMs = Math.max(...moving.map(newestOf)) - frameMs() * 1.5;
    for (const one of together) one.setBehind(!hasPatience && newestOf(one) < leastMs);
    if (hasPatience) return;
    for (const one of together) if (one.isBehind) one.paint();
    this.show(moving.filter((one) => !one.isBehind));
  }

  /**
   * Show what came last of a camera, and where nothing is to move its video itself: that is sharp in every size. What
   * comes after a gap is not shown before the clock is there.
   */
  private showAlone(one: Channel): void {
    one.setBehind(false);
    const isInGap = one.condition.peek() === 'gap' && one.status(this.clock.ms) === 'gap';
    if (!isPlaying.peek() || !isInGap) one.paint();
    if (!isPlaying.peek()) one.easel.cover(false);
  }

  /** Show the latest frames that are of one instant. False: there are new ones, but not such. */
  private show(together: readonly Channel[]): boolean {
    const frames = together.map(({ easel }) => (easel.goesOn ? easel.frames : [NOTHING, ...easel.frames]));
    if (frames.every((some) => some.length === 1)) return true;
    const isStrict = rate.peek() <= 1 && this.waitedMs < STRICT_MS;
    const picked = pickTogether(frames, isStrict ? -Infinity : frameMs() - USUAL_FRAME_MS);
    if (picked === null) return false;
    for (const [index, one] of together.entries()) {
      const at = picked[index] ?? 0;
      one.join(one.easel.goesOn ? at : at - 1);
    }
    return true;
  }

  private count(isShown: boolean): void {
    const now = performance.now();
    this.waitedMs = isShown ? 0 : this.waitedMs + Math.min(now - this.lookedMs, LOOK_MS);
    this.lookedMs = now;
  }
}

/** How much footage a frame stands for: at most speeds the screen shows not all of them. */
function frameMs(): number {
  return USUAL_FRAME_MS * Math.max(1, rate.peek());
}

/** When the frame began that came last of a camera. */
function newestOf(one: Channel): number {
  return one.easel.frames.at(-1)?.startMs ?? 0;
}
