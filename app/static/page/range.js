/** The range of time that all bars show: its zoom, its place, and whether it follows the clock. */

import { nowMs } from './api.js';

const MINUTE_MS = 60_000;
export const SPANS_MS = [15, 60, 360, 1440].map((minutes) => minutes * MINUTE_MS);
const GLIDE_MS = 160;
const AHEAD = 0.03;
const KEY = 'playback.span';

export class Range extends EventTarget {
  #endMs = 0;
  #glide = null;

  constructor() {
    super();
    const stored = Number(localStorage.getItem(KEY));
    this.spanMs = SPANS_MS.includes(stored) ? stored : SPANS_MS[0];
    this.isFollowing = true;
  }

  get endMs() {
    return this.isFollowing ? nowMs() + this.spanMs * AHEAD : this.#endMs;
  }

  get startMs() {
    return this.endMs - this.spanMs;
  }

  /** Where the range is drawn now: on its way while it glides to another place. */
  get shown() {
    const [startMs, endMs] = [this.startMs, this.endMs];
    const past = this.#glide ? Math.min(1, (performance.now() - this.#glide.beganMs) / GLIDE_MS) : 1;
    if (past >= 1) this.#glide = null;
    if (!this.#glide) return { startMs, endMs, isGliding: false };
    const left = (1 - past) ** 3;
    const { fromStartMs, fromEndMs } = this.#glide;
    return {
      startMs: startMs + (fromStartMs - startMs) * left,
      endMs: endMs + (fromEndMs - endMs) * left,
      isGliding: true,
    };
  }

  /** Show another span of time; `anchorMs` stays where it is on the screen. */
  zoomTo(spanMs, anchorMs = (this.startMs + this.endMs) / 2) {
    if (spanMs === this.spanMs) return;
    const from = this.shown;
    const part = (anchorMs - this.startMs) / this.spanMs;
    const endMs = anchorMs + (1 - part) * spanMs;
    this.spanMs = spanMs;
    localStorage.setItem(KEY, String(spanMs));
    this.#place(endMs, this.isFollowing, from);
  }

  zoomBy(steps, anchorMs) {
    const index = SPANS_MS.indexOf(this.spanMs) + steps;
    if (SPANS_MS[index]) this.zoomTo(SPANS_MS[index], anchorMs);
  }

  panBy(ms, { isGliding = true } = {}) {
    this.#place(this.endMs + ms, false, isGliding ? this.shown : null);
  }

  follow() {
    this.#place(0, true, this.shown);
  }

  /** Bring a moment into the picture if it is not. */
  reveal(ms) {
    const marginMs = this.spanMs * 0.02;
    if (ms < this.startMs + marginMs || ms > this.endMs - marginMs) {
      this.#place(ms + this.spanMs / 2, false, this.shown);
    }
  }

  #place(endMs, isFollowing, from) {
    const newestMs = nowMs() + this.spanMs * AHEAD;
    this.isFollowing = isFollowing || endMs >= newestMs;
    this.#endMs = Math.min(endMs, newestMs);
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#glide =
      from && !isCalm ? { fromStartMs: from.startMs, fromEndMs: from.endMs, beganMs: performance.now() } : null;
    this.dispatchEvent(new Event('change'));
  }
}
