/** What a camera is recording now: its growing playlist, asked for again and again, onto its shelf. */

import { ApiError, isAbort, queryOf } from '../api/call';
import { isoOf } from '../instants';
import { pause } from '../pause';
import { isPassing, textOf } from './fetching';
import { type Entry, parsePlaylist } from './playlist';
import type { Shelf } from './shelf';

const EVERY_MS = 1000;
/** The list is begun anew when it has grown by so much: it is asked for each second. */
const RENEW_MS = 180_000;
/** Where live pictures begin, a camera that has sent nothing for so long is not asked. */
const FRESH_MS = 8000;
/** A camera that has sent nothing for so long has nothing. */
const ALIVE_MS = 15_000;
const BEHIND_SEAM_MS = 20;

export class Follower {
  /** When the list grew last, by performance.now; null: it has never had anything. */
  private grewMs: number | null = null;
  /** The longest entry of late, ms: in such steps the list grows. */
  stepMs = 2000;
  /** Has the recording ended, or is there nothing? */
  isOver = false;
  private readonly ending = new AbortController();

  private readonly sourceId: number;
  private startMs: number;
  private readonly shelf: Shelf;
  private readonly everyMs: number;

  constructor(sourceId: number, startMs: number, shelf: Shelf, everyMs = EVERY_MS) {
    this.sourceId = sourceId;
    this.startMs = startMs;
    this.shelf = shelf;
    this.everyMs = everyMs;
  }

  /** Does it grow? */
  get isFresh(): boolean {
    return this.grewMs !== null && performance.now() - this.grewMs < FRESH_MS + this.stepMs;
  }

  /** Has it grown of late? Its camera may only be slow. */
  get isAlive(): boolean {
    return this.grewMs !== null && performance.now() - this.grewMs < ALIVE_MS;
  }

  /** Ask once; true where the list had something. Raises ApiError, AbortError. */
  async look(): Promise<boolean> {
    const uri = `/playbackapi/source/${this.sourceId}/index.m3u8${queryOf({ start: isoOf(this.startMs) })}`;
    const text = await this.askText(uri);
    if (text === null) return false;
    const { entries, isEnded } = parsePlaylist(text);
    this.isOver = isEnded;
    this.take(entries);
    return entries.length > 0;
  }

  /** Go on asking until `close`. */
  async run(): Promise<void> {
    try {
      while (!this.isOver) {
        await pause(this.everyMs, this.ending.signal);
        await this.look().catch((error) => {
          if (!isPassing(error)) throw error;
        });
      }
    } catch (error) {
      this.isOver = true;
      if (!isAbort(error) && !(error instanceof ApiError)) throw error;
    }
  }

  close(): void {
    this.isOver = true;
    this.ending.abort();
  }

  /** The list's text, null while no entry of it is whole. */
  private async askText(uri: string): Promise<string | null> {
    try {
      return await textOf(uri, this.ending.signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  private take(entries: readonly Entry[]): void {
    const knownMs = this.shelf.known?.endMs ?? null;
    const fresh = knownMs === null ? entries : entries.filter((one) => one.endMs > knownMs + BEHIND_SEAM_MS);
    const [first, last] = [fresh[0], fresh.at(-1)];
    if (!first || !last) return;
    const from = knownMs !== null && this.startMs <= knownMs + BEHIND_SEAM_MS ? knownMs : first.startMs;
    this.shelf.add(fresh, from, last.endMs);
    this.grewMs = performance.now();
    this.stepMs = Math.max(...fresh.map((one) => one.endMs - one.startMs));
    if (last.endMs - this.startMs > RENEW_MS) this.startMs = last.startMs; // of nothing there would be no list
  }
}
