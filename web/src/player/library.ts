/** The shelves of all cameras: filled by windows of `sync`, and by growing playlists where it is being recorded now. */

import { ApiError, isAbort } from '../api/call';
import { syncPlaylists } from '../api/footage';
import { nowMs } from '../instants';
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
const KEEP_MS = 3_600_000;
const SETTLING_MS = 60_000;
const LIVE_BACK_MS = 30_000;
/** Behind the end of a growing list, beyond its step: playing goes on without a stop. */
const MARGIN_MS = 1500;
const AGAIN_MS = 3000;

export type Status = 'footage' | 'gap' | 'unknown';

/** The nearest footage of all cameras around a stretch without any; null: there is none. */
export interface Nearest {
  readonly beforeMs: number | null;
  readonly afterMs: number | null;
}

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
  /** What the last window without any footage said of what lies around it. */
  nearest: (Nearest & { readonly fromMs: number; readonly toMs: number }) | null = null;
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
    const follower = this.followers.get(id);
    return follower ? follower.isFresh || this.recording.isRecording(id) : this.recording.isRecording(id);
  }

  /** Where live pictures are best begun: as far behind the end of the slowest camera as nothing stops; null: nowhere. */
  liveMs(ids: readonly number[]): number | null {
    const ends = ids.flatMap((id) => {
      const [follower, shelf] = [this.followers.get(id), this.shelf(id)];
      return follower?.isFresh && shelf.known ? [shelf.known.endMs - follower.stepMs - MARGIN_MS] : [];
    });
    return ends.length ? Math.min(...ends) : null;
  }

  /** Read the growing lists of cameras from shortly before now on. Raises ApiError where it is refused. */
  async openLive(ids: readonly number[]): Promise<void> {
    const startMs = nowMs() - LIVE_BACK_MS;
    await Promise.all(
      ids.map(async (id) => {
        if (!this.recording.isWanted(id) || this.followers.get(id)?.isFresh) return;
        const known = this.shelf(id).known;
        const isNear = known !== null && known.endMs > startMs;
        await this.follow(id, isNear ? known.endMs + 1 : startMs);
      }),
    );
  }

  /** Take care that what lies around an instant is known. To be called again and again. */
  keep(ids: readonly number[], ms: number, aheadMs: number): void {
    for (const id of ids) this.keepFollower(id, ms, aheadMs);
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
    this.nearest = null;
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
    return this.followers.has(id) || known.endMs > nowMs() - SETTLING_MS;
  }

  private isShort(id: number, ms: number): boolean {
    const known = this.shelf(id).known;
    return known !== null && known.endMs < Math.min(ms, nowMs() - SETTLING_MS) && !this.followers.has(id);
  }

  /** Follow what is recorded where the clock comes near to it; let go where it is over or far away. */
  private keepFollower(id: number, ms: number, aheadMs: number): void {
    const [follower, shelf] = [this.followers.get(id), this.shelf(id)];
    shelf.trim(ms - KEEP_MS, ms + 4 * KEEP_MS);
    const isNear = ms + aheadMs > nowMs() - NEAR_MS;
    if (follower && (follower.isOver || !isNear)) {
      follower.close();
      this.followers.delete(id);
    } else if (!follower && isNear && this.recording.isWanted(id)) {
      const known = shelf.known;
      if (known && known.endMs > nowMs() - NEAR_MS && known.endMs >= ms - LEAD_MS)
        void this.follow(id, known.endMs + 1);
    }
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
    try {
      const answer = await patient(() => syncPlaylists([...ids], startMs, endMs, signal));
      const texts = await Promise.all(answer.sources.map((one) => patient(() => textOf(one.hls, signal))));
      const endedMs = Date.parse(answer.end_utc);
      answer.sources.forEach((one, at) => {
        this.shelf(one.source_id).add(parsePlaylist(texts[at] ?? '').entries, startMs, endedMs);
      });
      if (endedMs < endMs) this.notBeforeMs = performance.now() + AGAIN_MS / 3;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404 && 'before_utc' in error.body)) throw error;
      for (const id of ids) this.shelf(id).add([], startMs, endMs);
      this.nearest = { ...nearestOf(error), fromMs: startMs, toMs: endMs };
    }
    this.isCutOff = false;
    this.error = null;
  }
}

/** What an answer 404 says of the footage around. */
export function nearestOf(error: ApiError): Nearest {
  const read = (name: string) => (typeof error.body[name] === 'string' ? Date.parse(String(error.body[name])) : null);
  return { beforeMs: read('before_utc'), afterMs: read('after_utc') };
}

/** The footage nearest to an instant at which there is none: long ago, or now. Null where the service says nothing. */
export async function findNearest(ids: readonly number[], ms: number): Promise<Nearest | null> {
  try {
    await syncPlaylists([...ids], ms, ms + 1);
    return { beforeMs: ms, afterMs: ms };
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return nearestOf(error);
    if (error instanceof ApiError) return null;
    throw error;
  }
}
