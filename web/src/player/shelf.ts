/** What is known of one camera's footage around the clock: entries with media, and how far one may rely on it. */

import { following, holding, type Interval, joined, preceding } from './intervals';
import type { Entry } from './playlist';

/** Less than this between two entries is no gap to speak of. */
const SEAM_MS = 60;
/** By so much may what two playlists say of the same instant differ. */
const SLACK_MS = 20;

export class Shelf {
  /** In order, none within another. */
  entries: readonly Entry[] = [];
  /** Where there is footage. */
  spans: readonly Interval[] = [];
  /** Within this everything is known, null: nothing is. */
  known: Interval | null = null;

  /** Take in what a playlist says of [startMs, endMs). What is known elsewhere, without touching it, is forgotten. */
  add(entries: readonly Entry[], startMs: number, endMs: number): void {
    const known = this.known;
    const touches = known !== null && startMs <= known.endMs + SLACK_MS && endMs >= known.startMs - SLACK_MS;
    const [first, last] = [entries[0], entries.at(-1)];
    // Windows end within groups of pictures: an entry that reaches beyond what is new stays, though they overlap.
    const begin = (first?.startMs ?? startMs) - SLACK_MS;
    const end = (last?.endMs ?? endMs) + SLACK_MS;
    const kept = touches ? this.entries.filter((one) => one.startMs < begin || one.endMs > end) : [];
    this.entries = [...kept, ...entries].sort((a, b) => a.startMs - b.startMs);
    this.spans = joined(this.entries, SEAM_MS);
    this.known =
      touches && known
        ? { startMs: Math.min(known.startMs, startMs), endMs: Math.max(known.endMs, endMs) }
        : { startMs, endMs };
  }

  /** Forget all. */
  clear(): void {
    this.entries = [];
    this.spans = [];
    this.known = null;
  }

  /** Forget what lies outside of [startMs, endMs). */
  trim(startMs: number, endMs: number): void {
    if (this.known === null) return;
    this.entries = this.entries.filter((one) => one.endMs > startMs && one.startMs < endMs);
    this.spans = joined(this.entries, SEAM_MS);
    this.known = { startMs: Math.max(this.known.startMs, startMs), endMs: Math.min(this.known.endMs, endMs) };
    if (this.known.endMs <= this.known.startMs) this.clear();
  }

  /** Take an entry out: its media cannot be had. */
  lose(entry: Entry): void {
    this.entries = this.entries.filter((one) => one !== entry);
    this.spans = joined(this.entries, SEAM_MS);
  }

  /** Is it known what there is at an instant? */
  isKnown(ms: number): boolean {
    return this.known !== null && this.known.startMs <= ms && ms < this.known.endMs;
  }

  /** The footage in which an instant lies. */
  spanAt(ms: number): Interval | null {
    return holding(this.spans, ms);
  }

  /** The next footage that begins after an instant, as far as it is known. */
  spanAfter(ms: number): Interval | null {
    return following(this.spans, ms);
  }

  /** The last footage that ended before an instant, as far as it is known. */
  spanBefore(ms: number): Interval | null {
    return preceding(this.spans, ms);
  }
}
