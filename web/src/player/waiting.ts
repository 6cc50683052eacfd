/** When the clock may go: when all pictures can follow it. One that cannot holds up the others, but not for ever. */

import type { Channel } from './channel';
import type { Clock } from './clock';

/** The pictures begin to move so long after they are told to; then the clock does. */
export const START_LAG_MS = 40;
/** So long one camera may hold up the others. */
const HOLD_MS = 4000;
/** What is shorter nobody is told of. */
const LONG_MS = 300;
const SETTLE_AFTER_MS = 250;
/** A lag that is longer is none of starting. */
const MOST_SETTLED_MS = 200;

export class Waiting {
  private heldMs: number | null = null;
  private settleMs: number | null = null;
  private readonly channels: () => readonly Channel[];
  private readonly clock: Clock;

  constructor(channels: () => readonly Channel[], clock: Clock) {
    this.channels = channels;
    this.clock = clock;
  }

  /** Has the clock been held for so long that it is to be said? */
  get isLong(): boolean {
    return this.heldMs !== null && performance.now() - this.heldMs > LONG_MS;
  }

  /** It goes elsewhere, or is not to go: what was waited for does not count. */
  forget(): void {
    this.heldMs = null;
  }

  /** Let the clock go on where all can follow, hold it where one cannot. */
  conduct(ms: number, rate: number, isScanning: boolean): void {
    const late = this.lateOnes(ms, isScanning);
    const blocking = late.filter((one) => !one.isExcused);
    const mayRun = blocking.length === 0 && (late.length === 0 || this.isAnyShown(late, ms));
    if (mayRun) {
      this.heldMs = null;
      if (!this.clock.isRunning) this.startClock(rate, isScanning);
      else if (!isScanning) this.settle();
    } else this.hold(blocking, late, ms);
  }

  private startClock(rate: number, isScanning: boolean): void {
    this.clock.run(rate, isScanning ? 0 : START_LAG_MS);
    this.settleMs = performance.now() + SETTLE_AFTER_MS;
  }

  /** When all pictures have begun to move the clock takes their common lag over once: only what differs is corrected. */
  private settle(): void {
    if (this.settleMs === null || performance.now() < this.settleMs) return;
    this.settleMs = null;
    const ms = this.clock.ms;
    const ahead = this.channels().flatMap((one) => one.aheadMs(ms) ?? []);
    const common = ahead.sort((a, b) => a - b)[Math.floor(ahead.length / 2)] ?? 0;
    if (Math.abs(common) < MOST_SETTLED_MS) this.clock.set(ms + common);
  }

  private lateOnes(ms: number, isScanning: boolean): Channel[] {
    const { isRunning } = this.clock;
    const isLate = (one: Channel) => (isScanning ? one.status(ms) === 'unknown' : one.isLate(ms, isRunning));
    const late = this.channels().filter(isLate);
    for (const one of this.channels()) if (!late.includes(one)) one.isExcused = false;
    return late;
  }

  /** Hold the clock; who was waited for too long is waited for no more, where others have something to show. */
  private hold(blocking: readonly Channel[], late: readonly Channel[], ms: number): void {
    if (this.clock.isRunning) this.clock.hold();
    this.heldMs ??= performance.now();
    if (performance.now() - this.heldMs < HOLD_MS || !this.isAnyShown(late, ms)) return;
    for (const one of blocking) one.isExcused = true;
  }

  private isAnyShown(late: readonly Channel[], ms: number): boolean {
    return this.channels().some((one) => !late.includes(one) && one.status(ms) === 'footage');
  }
}
