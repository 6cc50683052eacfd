/** The shelves of all cameras: filled by windows of `sync`, and by growing playlists where it is being recorded now. */

import { ApiError, isAbort } from '../api/call';
import { syncPlaylists, timeline } from '../api/footage';
import { nowMs } from '../instants';
import { HOUR_MS, MINUTE_MS } from '../lengths';
import { isPassing, patiently, textOf } from './fetching';
import { Follower } from './follower';
import { parsePlaylist } from './playlist';
import { Shelf } from './shelf';

const WINDOW_MS = 600_000;
const LEAD_MS = 20_000;
const BACK_MS = 300_000;
/** So near to now a growing playlist is read instead of windows. */
const NEAR_MS = 90_000;
/** What lies further from the clock is forgotten. */
const KEEP_MS = HOUR_MS;
const SETTLING_MS = MINUTE_MS;
const LIVE_BACK_MS = 30_000;
/** Behind the end of a growing list, beyond its step: playing goes on without a stop. */
const MARGIN_MS = 1500;
const AGAIN_MS = 3000;
const WATCH_EVERY_MS = 2000;
/** A run that is shorter has no whole entry in its growing list yet. */
const FIRST_ENTRY_MS = 5000;

export type Status = 'footage' | 'gap' | 'unknown';

/** What is to be recorded of a camera now. */
export interface Recording {
  isWanted(id: number): boolean;
  isRecording(id: number): boolean;
}

export class Library {
  private readonly shelves = new Map<number, Shelf>();
  private readonly followers = new Map<number, Follower>();
  private loading = new AbortController();
  private isBusy = false;
  private notBeforeMs = 0;
  private watchAgainMs = 0;
  /** What went wrong for good; null while all is well. */
  error: ApiError | null = null;
  /** Does the service not answer? */
  isCutOff = false;

  private readonly recording: Recording;

  constructor(recording: Recording) {
    this.recording = recording;
  }

  shelf(id: number): Shelf {
    let found = this.shelves.get(id);
    if (!found) {
      found = new Shelf();
      this.shelves.set(id, found);
    }
    return found;
  }

  /** What there is of a camera at an instant, as far as it is known. */
  status(id: number, ms: number): Status {
    const shelf = this.shelf(id);
    if (shelf.spanAt(ms)) return 'footage';
    if (shelf.isKnown(ms)) return 'gap';
    const isBehindEnd = shelf.known !== null && ms >= shelf.known.endMs && shelf.known.endMs > nowMs() - SETTLING_MS;
    return isBehindEnd && !this.grows(id) ? 'gap' : 'unknown';
  }

  /** Is more to be expected at the end of what there is? */
  grows(id: number): boolean {
    if (this.recording.isRecording(id)) return true;
    const endMs = this.shelf(id).spans.at(-1)?.endMs ?? 0;
    return this.followers.get(id)?.isAlive ?? (this.recording.isWanted(id) && endMs > nowMs() - LIVE_BACK_MS);
  }

  /** Where live pictures are best begun: as far behind the end of the slowest camera as nothing stops; null: nowhere. */
  liveMs(ids: readonly number[]): number | null {
    const ends = ids.flatMap((id) => {
      const [follower, shelf] = [this.followers.get(id), this.shelf(id)];
      const last = shelf.spans.at(-1);
      return follower?.isFresh && last ? [Math.max(last.startMs, last.endMs - follower.stepMs - MARGIN_MS)] : [];
    });
    return ends.length ? Math.min(...ends) : null;
  }

  /**
   * Follow those cameras of which something has been recorded just now. Asks the timeline first: a playlist of which
   * nothing is there yet is an error. Raises ApiError.
   */
  async watchLive(ids: readonly number[]): Promise<void> {
    const waiting = ids.filter((id) => this.recording.isWanted(id) && !this.followers.has(id));
    if (waiting.length === 0) return;
    const startMs = nowMs() - LIVE_BACK_MS;
    const answer = await timeline(waiting, startMs, nowMs(), 1);
    await Promise.all(
      answer.sources.map(async ({ source_id: id, spans }) => {
        const last = spans.at(-1);
        if (!last || Date.parse(last.end_utc) - Date.parse(last.start_utc) < FIRST_ENTRY_MS) return;
        await this.follow(id, this.listedFrom(id) ?? Math.max(startMs, Date.parse(last.start_utc)));
      }),
    );
  }

  /** Where the list of what is recorded goes on from what is known: with its last entry, for of nothing there is none. */
  private listedFrom(id: number): number | null {
    const { known, entries } = this.shelf(id);
    return known && known.endMs > nowMs() - NEAR_MS ? (entries.at(-1)?.startMs ?? null) : null;
  }

  /** Take care that what lies around an instant is known. To be called again and again. */
  keep(ids: readonly number[], ms: number, aheadMs: number): void {
    this.keepFollowers(ids, ms, aheadMs);
    if (this.isBusy || performance.now() < this.notBeforeMs) return;
    const windowMs = Math.max(WINDOW_MS, aheadMs * 2);
    const edge = (id: number, name: 'startMs' | 'endMs') => this.shelf(id).known?.[name] ?? ms;
    const lack = ids.filter((id) => !this.shelf(id).isKnown(ms) && !this.isAtEnd(id, ms));
    const short = ids.filter((id) => this.isShort(id, ms + aheadMs));
    const early = ids.filter((id) => edge(id, 'startMs') > ms - LEAD_MS / 2);
    if (lack.length) this.load(lack, ms - LEAD_MS, ms + windowMs);
    else if (short.length) {
      const fromMs = Math.min(...short.map((id) => edge(id, 'endMs')));
      this.load(short, fromMs, fromMs + windowMs);
    } else if (early.length) {
      const toMs = Math.max(...early.map((id) => edge(id, 'startMs')));
      this.load(early, toMs - Math.max(BACK_MS, aheadMs), toMs);
    }
  }

  /** Ask at once for what lies around an instant, whatever is being asked for. */
  goTo(): void {
    this.loading.abort();
    this.loading = new AbortController();
    this.isBusy = false;
    this.notBeforeMs = 0;
    this.error = null;
  }

  /** Forget cameras that are no longer shown. */
  only(ids: readonly number[]): void {
    for (const id of [...this.shelves.keys()].filter((one) => !ids.includes(one))) {
      this.followers.get(id)?.close();
      this.followers.delete(id);
      this.shelves.delete(id);
    }
  }

  close(): void {
    this.loading.abort();
    for (const follower of this.followers.values()) follower.close();
  }

  private isAtEnd(id: number, ms: number): boolean {
    const known = this.shelf(id).known;
    if (known === null || ms < known.endMs) return false;
    return this.followers.has(id) || known.endMs > nowMs() - SETTLING_MS / 2; // asked anew while it is still believed
  }

  private isShort(id: number, ms: number): boolean {
    const known = this.shelf(id).known;
    return known !== null && known.endMs < Math.min(ms, nowMs() - SETTLING_MS) && !this.followers.has(id);
  }

  /** Follow what is recorded where the clock comes near to it; let go where it is over or far away. */
  private keepFollowers(ids: readonly number[], ms: number, aheadMs: number): void {
    const isNear = ms + aheadMs > nowMs() - NEAR_MS;
    for (const id of ids) {
      const follower = this.followers.get(id);
      this.shelf(id).trim(ms - KEEP_MS, ms + 4 * KEEP_MS);
      if (follower && (follower.isOver || !isNear)) {
        follower.close();
        this.followers.delete(id);
      }
    }
    if (!isNear || performance.now() < this.watchAgainMs) return;
    this.watchAgainMs = performance.now() + WATCH_EVERY_MS;
    const joined = ids.filter((id) => {
      const endMs = this.shelf(id).known?.endMs ?? 0;
      return endMs > nowMs() - NEAR_MS && endMs >= ms - LEAD_MS;
    });
    this.watchLive(joined).catch((error) => {
      if (!(error instanceof ApiError)) throw error; // asked again soon
    });
  }

  private async follow(id: number, startMs: number): Promise<void> {
    this.followers.get(id)?.close();
    const follower = new Follower(id, startMs, this.shelf(id));
    this.followers.set(id, follower);
    try {
      await follower.look();
    } catch (error) {
      if (isAbort(error)) return;
      if (!isPassing(error)) {
        follower.close();
        throw error;
      }
    }
    void follower.run();
  }

  private load(ids: readonly number[], startMs: number, endMs: number): void {
    this.isBusy = true;
    const { signal } = this.loading;
    this.loadWindow(ids, startMs, Math.min(endMs, nowMs()), signal)
      .catch((error) => {
        if (isAbort(error) || signal.aborted) return;
        this.notBeforeMs = performance.now() + AGAIN_MS;
        if (!(error instanceof ApiError)) throw error;
        this.error = error;
      })
      .finally(() => {
        if (!signal.aborted) this.isBusy = false;
      });
  }

  private async loadWindow(ids: readonly number[], startMs: number, endMs: number, signal: AbortSignal): Promise<void> {
    if (endMs <= startMs) {
      this.notBeforeMs = performance.now() + AGAIN_MS;
      return;
    }
    const patient = <T>(act: () => Promise<T>) =>
      patiently(act, signal, () => {
        this.isCutOff = true;
      });
    const found = await patient(() => timeline([...ids], startMs, endMs, 1, signal));
    const isEmpty = found.sources.every((one) => one.spans.length === 0);
    if (isEmpty) for (const id of ids) this.shelf(id).add([], startMs, endMs);
    else {
      const answer = await patient(() => syncPlaylists([...ids], startMs, endMs, signal));
      const texts = await Promise.all(answer.sources.map((one) => patient(() => textOf(one.hls, signal))));
      const endedMs = Date.parse(answer.end_utc);
      answer.sources.forEach((one, at) => {
        this.shelf(one.source_id).add(parsePlaylist(texts[at] ?? '').entries, startMs, endedMs);
      });
      if (endedMs < endMs) this.notBeforeMs = performance.now() + AGAIN_MS / 3;
    }
    this.isCutOff = false;
    this.error = null;
  }
}
