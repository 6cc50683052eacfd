/**
 * Feeds one <video> through Media Source Extensions: entries of a camera's shelf, each placed so that media time is
 * wall time. What was recorded and what is being recorded thus lie on one time line, and a gap is a hole in it.
 */

import { ApiError, isAbort } from '../api/call';
import { pause } from '../pause';
import type { Feed, Trouble } from './feed';
import { bytesOf, patiently } from './fetching';
import { type Pictures, readPictures } from './fragments';
import { FrameTimes } from './frametimes';
import { codecNames, mimeType, readInit, type Track } from './initsegment';
import type { Interval } from './intervals';
import { type Entry, keyOf } from './playlist';
import { stretchesOf } from './ranges';
import { forgetOthers, Lately } from './remembered';
import type { Shelf } from './shelf';
import { silence, silentInit } from './silence';

type Source = typeof MediaSource;
const Kind: Source | undefined =
  globalThis.MediaSource ?? (globalThis as { ManagedMediaSource?: Source }).ManagedMediaSource;
/** Has this browser Media Source Extensions? */
export const canFeed = Kind !== undefined;

const BASE_BEFORE_MS = 86_400_000;
/** Longer than anybody plays: media times are not bounded by it. */
const LONG_S = 1e8;
const BEHIND_MS = 12_000;
const SLACK_MS = 8000;
/** What a playlist says of an entry's place is right to a millisecond: less than this is not corrected. */
const SAME_S = 0.005;
const MOST_FAULTS = 3;
/** A camera changes its codec or size rarely: what is near the clock needs few. */
const MOST_INITS = 8;
/** An entry that begins so near to the end of the one before goes on with it. */
const SEAM_MS = 60;
/** What the browser did not keep is appended again after so long: never in a storm. */
const AGAIN_MS = 1000;

/** What is appended next, and on the way to what. */
interface Pick {
  readonly entry: Entry;
  readonly goal: Entry;
}

interface Loaded {
  readonly tracks: Track[];
  readonly bytes: ArrayBuffer;
  /** Without its sound. */
  readonly silent: ArrayBuffer;
}

export class Feeder implements Feed {
  readonly frames = new FrameTimes();
  trouble: Trouble | null = null;
  baseMs: number;
  private wish: { ms: number; aheadMs: number };
  private source: MediaSource | null = null;
  private buffer: SourceBuffer | null = null;
  private address = '';
  private layout = '';
  private tracks: Track[] = [];
  private initUri = '';
  private isHeard = false;
  private readonly inits = new Lately<Loaded>(MOST_INITS);
  /** Entries that were appended, and until when. */
  private readonly appended = new Map<string, Entry>();
  /** Entries within a group of pictures: a buffer takes them only directly after what they go on with. */
  private readonly needsBefore = new Set<string>();
  /** What was appended last. */
  private last: Entry | null = null;
  private readonly ending = new AbortController();
  private fetching: { goal: Entry; stop: AbortController } | null = null;
  private wake: (() => void) | null = null;
  private faults = 0;

  private readonly video: HTMLVideoElement;
  private readonly shelf: Shelf;

  constructor(video: HTMLVideoElement, shelf: Shelf, ms: number, aheadMs: number) {
    this.video = video;
    this.shelf = shelf;
    this.wish = { ms, aheadMs };
    this.baseMs = baseOf(ms);
    video.disableRemotePlayback = true; // ManagedMediaSource opens only so
    video.addEventListener('error', this.onError);
    void this.run();
  }

  get stretches(): readonly Interval[] {
    return this.buffer && this.source?.readyState !== 'closed' ? stretchesOf(this.buffer.buffered, this.baseMs) : [];
  }

  get hasSound(): boolean {
    return this.tracks.some((track) => track.kind === 'audio');
  }

  want(ms: number, aheadMs: number): void {
    this.wish = { ms, aheadMs };
    const { fetching } = this;
    if (fetching && !this.isWished(fetching.goal)) fetching.stop.abort();
    this.wake?.();
  }

  hear(isHeard: boolean): void {
    if (isHeard === this.isHeard) return;
    this.isHeard = isHeard;
    if (!this.hasSound) return;
    this.letGo();
    this.wake?.();
  }

  see(): void {} // what was appended tells of every frame

  close(): void {
    this.ending.abort();
    this.wake?.();
    this.video.removeEventListener('error', this.onError);
    this.letGo();
    this.video.removeAttribute('src');
    this.video.load();
  }

  private readonly onError = (): void => {
    if (!this.video.error || this.ending.signal.aborted) return;
    this.faults += 1;
    if (this.faults >= MOST_FAULTS) this.trouble = { kind: 'decoding', detail: this.video.error.message };
    this.letGo();
    this.wake?.();
  };

  private letGo(): void {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = '';
    this.source = this.buffer = null;
    this.layout = this.initUri = '';
    this.last = null;
    this.appended.clear();
  }

  /** Append what is wished until the end. */
  private async run(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      const pick = this.trouble ? null : this.pick();
      try {
        if (pick) await this.load(pick);
        else {
          await this.evict();
          await this.idle();
        }
      } catch (error) {
        if (!signal.aborted) this.fail(error, pick?.entry ?? null);
      }
    }
  }

  private fail(error: unknown, entry: Entry | null): void {
    if (isAbort(error)) return; // another moment is wished, or the video shows something else
    if (error instanceof ApiError && entry && [404, 410].includes(error.status)) this.shelf.lose(entry);
    else if (error instanceof ApiError) this.trouble = { kind: 'refused', detail: error.message };
    else if (error instanceof DOMException && error.name === 'QuotaExceededError') this.wish.aheadMs /= 2;
    else this.trouble = { kind: 'decoding', detail: String((error as Error).message ?? error) };
  }

  private idle(): Promise<void> {
    return new Promise((done) => {
      this.wake = () => {
        this.wake = null;
        done();
      };
      if (this.ending.signal.aborted) this.wake();
    });
  }

  private isWished(entry: Entry): boolean {
    const { ms, aheadMs } = this.wish;
    return entry.endMs > ms - BEHIND_MS && entry.startMs < ms + aheadMs + SLACK_MS;
  }

  /** The entry that is wanted most: that of the moment, those after it, the one before it for steps back. */
  private pick(): Pick | null {
    const { ms, aheadMs } = this.wish;
    const { entries } = this.shelf;
    const at = entries.findIndex((one) => one.endMs > ms);
    if (at < 0) return null;
    const stretches = this.stretches;
    for (let n = at; n < entries.length; n += 1) {
      const goal = entries[n];
      if (!goal || goal.startMs > ms + aheadMs) break;
      const entry = this.isThere(goal, stretches) ? null : this.wayTo(n);
      if (entry) return { entry, goal };
    }
    const goal = entries[at - 1];
    if (!goal || goal.endMs <= ms - BEHIND_MS / 2 || this.isThere(goal, stretches)) return null;
    // What comes next within a group would not go on with it, and its begin would have to be appended over what is shown.
    return this.needsBefore.size === 0 ? { entry: goal, goal } : null;
  }

  /** What is to be appended next to come to an entry: itself, or from the begin of its group on. Null: that is not known. */
  private wayTo(n: number): Entry | null {
    const { entries } = this.shelf;
    for (let at = n; at >= 0; at -= 1) {
      const [entry, before] = [entries[at], entries[at - 1]];
      if (!entry || !this.needsBefore.has(keyOf(entry)) || this.goesOn(entry)) return entry ?? null;
      if (!before || entry.startMs - before.endMs > SEAM_MS) return null;
    }
    return null;
  }

  /** Does an entry go on with what was appended last? */
  private goesOn(entry: Entry): boolean {
    return this.last !== null && Math.abs(entry.startMs - this.last.endMs) < SEAM_MS;
  }

  private isThere(entry: Entry, stretches: readonly Interval[]): boolean {
    if (!this.appended.has(keyOf(entry))) return false;
    const middle = (entry.startMs + entry.endMs) / 2;
    if (stretches.some((one) => one.startMs <= middle && middle < one.endMs)) return true;
    this.appended.delete(keyOf(entry)); // the browser has thrown it away
    return false;
  }

  private async load({ entry, goal }: Pick): Promise<void> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.ending.signal, stop.signal]);
    this.fetching = { goal, stop };
    try {
      const init = await this.initOf(entry, signal);
      const bytes = await patiently(() => bytesOf(entry.uri, entry.range, signal), signal);
      await this.append(entry, init, bytes);
      const isRefused = this.last === entry && !this.isThere(entry, this.stretches);
      if (isRefused) await pause(AGAIN_MS, signal);
    } finally {
      this.fetching = null;
    }
  }

  private async initOf(entry: Entry, signal: AbortSignal): Promise<Loaded> {
    const known = this.inits.get(entry.init.uri);
    if (known) return known;
    const bytes = await patiently(() => bytesOf(entry.init.uri, entry.init.range, signal), signal);
    const tracks = readInit(bytes);
    const found = { bytes, tracks, silent: silentInit(bytes, tracks) };
    this.inits.set(entry.init.uri, found);
    return found;
  }

  private async append(entry: Entry, init: Loaded, bytes: ArrayBuffer): Promise<void> {
    if (!Kind?.isTypeSupported(mimeType(this.used(init)))) {
      this.trouble = { kind: 'codec', detail: codecNames(init.tracks) };
      return;
    }
    const pictures = readPictures(bytes, init.tracks);
    if (!(await this.prepare(entry, init))) return;
    const { buffer } = this;
    if (!buffer) return;
    if (!pictures.isKey) this.noteWithin(entry);
    if (!pictures.isKey && !this.goesOn(entry)) return;
    if (!this.isHeard) silence(bytes, init.tracks);
    // Within a group the first picture in order of decoding is not the first that is shown: it stays where the group is.
    const place = pictures.isKey ? (entry.startMs - this.baseMs) / 1000 - pictures.firstS : buffer.timestampOffset;
    if (Math.abs(buffer.timestampOffset - place) > SAME_S) buffer.timestampOffset = place;
    const offsetS = buffer.timestampOffset;
    await this.act(() => buffer.appendBuffer(bytes));
    this.appended.set(keyOf(entry), entry);
    this.last = entry;
    this.note(pictures, offsetS);
  }

  /** Note that an entry lies within a group; what is neither known nor appended any more is forgotten. */
  private noteWithin(entry: Entry): void {
    const { entries } = this.shelf;
    this.needsBefore.add(keyOf(entry));
    const most = 2 * (entries.length + this.appended.size);
    forgetOthers(this.needsBefore, most, () => [...entries.map(keyOf), ...this.appended.keys(), keyOf(entry)]);
  }

  /** The tracks that are played: without sound where it is not heard. */
  private used(init: Loaded): Track[] {
    return this.isHeard ? init.tracks : init.tracks.filter((track) => track.kind === 'video');
  }

  private note(pictures: Pictures, offsetS: number): void {
    const times = pictures.shownS.map((seconds) => this.baseMs + (seconds + offsetS) * 1000);
    this.frames.put(times, (times.at(-1) ?? 0) + pictures.lastS * 1000);
  }

  /** Have a buffer that takes media of this kind; false: not now, since what is shown needs the one there is. */
  private async prepare(entry: Entry, init: Loaded): Promise<boolean> {
    const layout = this.used(init)
      .map((track) => track.kind)
      .join();
    const isTooEarly = entry.startMs < this.baseMs + 1000;
    if (this.buffer && (layout !== this.layout || isTooEarly)) {
      if (!isTooEarly && entry.startMs > this.wish.ms) {
        await this.idle();
        return false;
      }
      this.letGo();
    }
    if (!this.buffer) await this.open(init, entry.startMs, layout);
    const { buffer } = this;
    if (!buffer) return false;
    if (this.initUri !== entry.init.uri) {
      if (this.initUri !== '') buffer.changeType?.(mimeType(this.used(init)));
      await this.act(() => buffer.appendBuffer(this.isHeard ? init.bytes : init.silent));
      this.initUri = entry.init.uri;
      this.tracks = init.tracks;
    }
    return true;
  }

  private async open(init: Loaded, ms: number, layout: string): Promise<void> {
    if (!Kind) return;
    const source = new Kind();
    this.baseMs = baseOf(ms);
    this.source = source;
    this.address = URL.createObjectURL(source);
    const isOpen = new Promise((done) => source.addEventListener('sourceopen', done, { once: true }));
    this.video.src = this.address;
    this.video.currentTime = (this.wish.ms - this.baseMs) / 1000;
    await isOpen;
    this.check(source);
    source.duration = LONG_S;
    this.buffer = source.addSourceBuffer(mimeType(this.used(init)));
    this.layout = layout;
  }

  /** Let the buffer do something, and wait until it has. */
  private async act(start: () => void): Promise<void> {
    const { buffer, source } = this;
    if (!buffer || !source) throw new DOMException('the video shows something else', 'AbortError');
    this.check(source);
    const isDone = new Promise<boolean>((done) => {
      buffer.addEventListener('updateend', () => done(true), { once: true });
      buffer.addEventListener('error', () => done(false), { once: true });
    });
    start();
    const isWell = await isDone;
    this.check(source);
    if (!isWell) throw new Error(`${codecNames(this.tracks)} cannot be read`);
  }

  private check(source: MediaSource): void {
    this.ending.signal.throwIfAborted();
    if (source !== this.source || source.readyState === 'closed')
      throw new DOMException('the video shows something else', 'AbortError');
  }

  /** Throw away what is far from what is shown: memory is bounded. */
  private async evict(): Promise<void> {
    const { buffer } = this;
    if (!buffer) return;
    const keep = {
      startMs: this.groupAt(this.wish.ms - BEHIND_MS),
      endMs: this.wish.ms + this.wish.aheadMs + SLACK_MS * 2,
    };
    for (const one of this.stretches) {
      if (one.startMs < keep.startMs - SLACK_MS) await this.remove(one.startMs, Math.min(one.endMs, keep.startMs));
      if (one.endMs > keep.endMs + SLACK_MS) await this.remove(Math.max(one.startMs, keep.endMs), one.endMs);
    }
  }

  /** When the group of pictures began that is shown at an instant: with a part of it a browser throws all of it away. */
  private groupAt(ms: number): number {
    const begins = [...this.appended.values()].filter((one) => !this.needsBefore.has(keyOf(one)) && one.startMs <= ms);
    return Math.min(
      ms,
      ...begins
        .map((one) => one.startMs)
        .sort((a, b) => b - a)
        .slice(0, 1),
    );
  }

  private async remove(startMs: number, endMs: number): Promise<void> {
    const from = Math.max(0, (startMs - this.baseMs) / 1000);
    await this.act(() => this.buffer?.remove(from, (endMs - this.baseMs) / 1000));
    for (const [key, entry] of this.appended) {
      if (entry.endMs > startMs && entry.startMs < endMs) this.appended.delete(key);
    }
    this.frames.drop(startMs, endMs);
  }
}

function baseOf(ms: number): number {
  return Math.floor((ms - BASE_BEFORE_MS) / 1000) * 1000;
}
