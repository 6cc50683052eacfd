/**
 * Plays a growing HLS playlist through Media Source Extensions: exact in time, seconds behind the camera, in every
 * browser that has them.
 */

import * as api from './api.js';
import { firstShownS, timescales } from './fragments.js';
import { MediaMap } from './mediamap.js';
import { parsePlaylist } from './playlist.js';

const Source = window.MediaSource ?? window.ManagedMediaSource;
const ASK_EVERY_MS = 1000;
const AHEAD_S = 30;
const BEHIND_S = 30;
const HOLE_S = 1.5;

export const isAble = Boolean(Source);
export const canRead = (codecs) => Boolean(Source?.isTypeSupported(`video/mp4; codecs="${codecs}"`));
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Growing {
  #source = new Source();
  #buffer = null;
  #appended = 0;
  #init = { uri: null, scales: null };

  constructor(video, url, codecs, signal) {
    Object.assign(this, { video, url, codecs, signal, map: new MediaMap([]), entries: [], isEnded: false });
  }

  /** Read the playlist until something is in it. Raises ApiError, and AbortError once the signal says so. */
  async read() {
    for (;;) {
      // 404: no entry is complete yet
      const text = await this.#patiently(() => api.text(this.url, this.signal), [404]);
      const found = parsePlaylist(text);
      if (found.entries.length) {
        Object.assign(this, found, { map: MediaMap.ofEntries(found.entries) });
        return;
      }
      await this.#sleep();
    }
  }

  /** Ask until there is an answer: the service may be starting again. */
  async #patiently(ask, statuses = []) {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (![0, 502, 503, ...statuses].includes(error.status)) throw error;
        await this.#sleep();
      }
    }
  }

  #bytes(uri, range) {
    return this.#patiently(() => api.bytes(uri, range, this.signal));
  }

  /** How far behind the playlist's end playing goes on without a stop: its longest entry, and the time to ask. */
  get lagMs() {
    return 1500 + 1000 * Math.max(...this.entries.map((entry) => entry.durationS));
  }

  /** Attach to the video and go on until the end or the signal; begins to play at `mediaS`. */
  async play(mediaS) {
    const { video } = this;
    const address = URL.createObjectURL(this.#source);
    this.signal.addEventListener('abort', () => URL.revokeObjectURL(address));
    const isOpen = new Promise((done) => this.#source.addEventListener('sourceopen', done, { once: true }));
    video.disableRemotePlayback = true; // ManagedMediaSource opens only so
    video.src = address;
    await isOpen;
    this.#check();
    this.#buffer = this.#source.addSourceBuffer(`video/mp4; codecs="${this.codecs}"`);
    const last = this.entries.findLastIndex((entry) => entry.mediaS <= mediaS);
    this.#appended = Math.max(0, last);
    await this.#append(this.entries[this.#appended]);
    this.#appended += 1;
    video.currentTime = mediaS;
    await this.#run();
  }

  canSeek(mediaS) {
    const { buffered } = this.video;
    return [...Array(buffered.length).keys()].some((at) => buffered.start(at) <= mediaS && mediaS < buffered.end(at));
  }

  async #run() {
    for (;;) {
      while (this.#appended < this.entries.length) {
        const entry = this.entries[this.#appended];
        if (entry.mediaS - this.video.currentTime > AHEAD_S) break;
        await this.#append(entry);
        this.#appended += 1;
      }
      if (this.isEnded && this.#appended === this.entries.length) break;
      this.#skipHole();
      await this.#sleep();
      if (!this.isEnded) await this.read();
    }
    if (this.#source.readyState === 'open') this.#source.endOfStream();
  }

  async #append(entry) {
    if (entry.mapUri !== this.#init.uri) await this.#appendInit(entry.mapUri);
    const bytes = await this.#bytes(entry.uri, entry.range);
    const isFirst = entry.isCut || this.#buffer.buffered.length === 0;
    if (isFirst) this.#buffer.timestampOffset = entry.mediaS - firstShownS(bytes, this.#init.scales);
    await this.#put(bytes);
    const oldS = this.video.currentTime - BEHIND_S;
    if (this.#buffer.buffered.start(0) < oldS - BEHIND_S) await this.#do(() => this.#buffer.remove(0, oldS));
  }

  async #appendInit(uri) {
    const bytes = await this.#bytes(uri, null);
    this.#init = { uri, scales: timescales(bytes) };
    await this.#put(bytes);
  }

  #put(bytes) {
    return this.#do(() => this.#buffer.appendBuffer(bytes));
  }

  async #do(act) {
    this.#check();
    const isDone = new Promise((done) => this.#buffer.addEventListener('updateend', done, { once: true }));
    act();
    await isDone;
    this.#check();
  }

  #check() {
    this.signal.throwIfAborted();
    if (this.#source.readyState === 'closed') throw new DOMException('the video shows something else', 'AbortError');
  }

  async #sleep() {
    await pause(ASK_EVERY_MS);
    this.signal.throwIfAborted();
  }

  /** Sound and picture never begin at the same instant: where a run begins, a hole of some frames is left. */
  #skipHole() {
    const { buffered, currentTime } = this.video;
    if (this.video.readyState > 2 || this.canSeek(currentTime)) return;
    for (let at = 0; at < buffered.length; at += 1) {
      const aheadS = buffered.start(at) - currentTime;
      if (aheadS > 0 && aheadS < HOLE_S) this.video.currentTime = buffered.start(at) + 0.01;
    }
  }
}
