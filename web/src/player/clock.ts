/** The one clock that all pictures follow: wall time in ms, running at some rate or held. */

/** A clock over another one (`nowMs`, monotonic, such as performance.now). */
export class Clock {
  private sinceMs = 0;
  private atMs = 0;
  private speed = 0;

  private readonly nowMs: () => number;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** The instant that it shows, ms since the epoch. */
  get ms(): number {
    return this.msAt(this.nowMs());
  }

  /** What it shows, or will show if nothing changes, when the underlying clock is at `nowMs`. */
  msAt(nowMs: number): number {
    return this.atMs + Math.max(0, nowMs - this.sinceMs) * this.speed;
  }

  /** Is it going? */
  get isRunning(): boolean {
    return this.speed !== 0;
  }

  /** How fast it goes: 0 while it is held, below 0 backwards. */
  get rate(): number {
    return this.speed;
  }

  /** Let it go on at a rate from what it shows, `delayMs` from now. */
  run(rate: number, delayMs = 0): void {
    this.set(this.ms, rate, delayMs);
  }

  /** Hold it at what it shows. */
  hold(): void {
    this.set(this.ms, 0);
  }

  /** Set it to an instant; it goes on as before unless a rate is given. */
  set(ms: number, rate = this.speed, delayMs = 0): void {
    this.sinceMs = this.nowMs() + delayMs;
    this.atMs = ms;
    this.speed = rate;
  }
}
