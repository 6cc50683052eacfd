/**
 * One <video> that shows a moment of a camera and knows the wall time of the frame that it shows.
 *
 * Footage that has ended comes as one MP4 of WINDOW around the moment, and then the next one; what is being recorded
 * now comes through the growing HLS playlist where the browser plays that, else by MP4s up to now, one after another.
 */

import * as api from './api.js';
import { nowMs } from './api.js';
import { MediaMap } from './mediamap.js';

const HLS = 'application/vnd.apple.mpegurl';
const BEFORE_MS = 300_000;
const AFTER_MS = 1_500_000;
const NEAR_LIVE_MS = 60_000;
const LOOK_BACK_MS = 60_000;
const LIVE_LAG_MS = 6000;
const RETRY_MS = 1500;

/** Fires `frame` {ms}, `state`, `jump` {fromMs, toMs} over a gap, `lost` {error} when there is nothing to show. */
export class Feed extends EventTarget {
  #loading = null;
  #map = new MediaMap([]);
  #retry = 0;
  #mapTimer = 0;

  constructor(video) {
    super();
    Object.assign(this, { video, sourceId: null, kind: null, isLive: false, ms: null, data: null });
    this.canPlayHls = video.canPlayType(HLS) !== '';
    this.#watchFrames();
    for (const name of ['playing', 'pause', 'waiting', 'seeking', 'seeked', 'ratechange', 'volumechange']) {
      video.addEventListener(name, () => this.#fire('state'));
    }
    video.addEventListener('ended', () => this.#goOn());
    video.addEventListener('error', () => this.#failed());
  }

  /** Show a moment. Within what is loaded it is a seek. */
  async goTo(sourceId, ms) {
    if (sourceId === this.sourceId && this.kind === 'mp4' && this.#map.covers(ms)) return this.#seek(ms);
    this.isLive = false;
    const isNear = ms > nowMs() - NEAR_LIVE_MS && this.canPlayHls;
    return this.#load(sourceId, (signal) => (isNear ? this.#openHls(ms, signal) : this.#openMp4(ms, signal)));
  }

  /** Show what happens now, as little late as the recording allows. */
  async goLive(sourceId) {
    this.isLive = true;
    return this.#load(sourceId, async (signal) => {
      const data = await api.footage(sourceId, nowMs() - LOOK_BACK_MS, null, signal);
      const newest = MediaMap.ofFootage(data).pieces.at(-1);
      const ms = Math.max(newest.startMs, newest.endMs - LIVE_LAG_MS);
      return this.canPlayHls ? this.#openHls(ms, signal) : this.#openMp4(ms, signal);
    });
  }

  stop() {
    this.#cancel();
    this.sourceId = this.kind = this.ms = this.data = null;
    this.video.removeAttribute('src');
    this.video.load();
    this.#fire('state');
  }

  #cancel() {
    this.#loading?.abort();
    clearTimeout(this.#retry);
    clearTimeout(this.#mapTimer);
  }

  async #load(sourceId, open) {
    this.#cancel();
    const { signal } = (this.#loading = new AbortController());
    this.sourceId = sourceId;
    this.#fire('state', { isLoading: true });
    try {
      await open(signal);
    } catch (error) {
      if (error.name === 'AbortError' || signal.aborted) return;
      if (!(error instanceof api.ApiError)) throw error;
      this.kind = null;
      this.video.pause();
      this.#fire('lost', { error });
    }
  }

  async #openMp4(ms, signal) {
    const data = await api.footage(this.sourceId, ms - BEFORE_MS, Math.min(ms + AFTER_MS, nowMs()), signal);
    this.#map = MediaMap.ofFootage(data);
    this.data = data;
    this.kind = 'mp4';
    this.video.src = data.urls.mp4;
    this.#seek(ms);
  }

  async #openHls(ms, signal) {
    const data = await api.footage(this.sourceId, ms, null, signal);
    this.#map = MediaMap.ofPlaylist(await api.text(data.urls.hls, signal));
    this.data = data;
    this.kind = 'hls';
    this.video.src = data.urls.hls;
    this.#play();
    this.#refreshMap(signal);
  }

  /** Read the growing playlist again while it plays: a gap may have come into it. */
  #refreshMap(signal) {
    this.#mapTimer = setTimeout(async () => {
      if (signal.aborted) return;
      if (!this.video.paused && this.video.currentTime > this.#map.endS - 8) {
        const text = await api.text(this.data.urls.hls, signal).catch(() => null);
        if (signal.aborted) return;
        if (text) this.#map = MediaMap.ofPlaylist(text);
      }
      this.#refreshMap(signal);
    }, 2000);
  }

  #seek(ms) {
    const place = this.#map.toMedia(ms);
    this.video.currentTime = place.mediaS;
    if (Math.abs(place.wallMs - ms) > 1000) this.#fire('jump', { fromMs: ms, toMs: place.wallMs });
    this.#play();
  }

  #play() {
    this.video.play().catch((error) => {
      if (error.name === 'NotAllowedError') this.#fire('state');
    });
  }

  /** The media has ended: go on with the footage after it, wait for it where the camera still records. */
  async #goOn() {
    const fromMs = this.#map.endMs;
    if (this.kind === null || fromMs === null) return;
    await this.#load(this.sourceId, async (signal) => {
      try {
        await this.#openNext(fromMs, signal);
      } catch (error) {
        const afterMs = Date.parse(error.body?.after_utc ?? '');
        if (Number.isFinite(afterMs)) await this.#openNext(afterMs, signal);
        else if (error.status === 404 && fromMs > nowMs() - NEAR_LIVE_MS) this.#wait(signal);
        else throw error;
      }
    });
  }

  async #openNext(fromMs, signal) {
    const data = await api.footage(this.sourceId, fromMs, Math.min(fromMs + AFTER_MS, nowMs()), signal);
    if (data.duration < 0.5 && fromMs > nowMs() - NEAR_LIVE_MS) return this.#wait(signal);
    const map = MediaMap.ofFootage(data);
    if (map.startMs - fromMs > 1000) this.#fire('jump', { fromMs, toMs: map.startMs });
    if (this.canPlayHls && map.startMs > nowMs() - NEAR_LIVE_MS) return this.#openHls(map.startMs, signal);
    this.#map = map;
    this.data = data;
    this.kind = 'mp4';
    this.video.src = data.urls.mp4;
    return this.#play();
  }

  #wait(signal) {
    this.#retry = setTimeout(() => signal.aborted || this.#goOn(), RETRY_MS);
  }

  #failed() {
    if (this.kind === null || !this.video.error) return;
    const ms = this.ms ?? this.#map.startMs;
    if (this.kind === 'hls' && this.canPlayHls) {
      this.canPlayHls = false; // this browser says that it plays HLS and does not: MP4 from here on
      this.#load(this.sourceId, (signal) => this.#openMp4(ms, signal));
      return;
    }
    const codecs = this.data?.codecs ? ` (${this.data.codecs})` : '';
    const msg = `This browser cannot play the footage${codecs}: ${this.video.error.message || 'no reason given'}`;
    this.#fire('lost', { error: new api.ApiError(0, [{ loc: [], msg, type: 'unplayable' }]) });
  }

  #watchFrames() {
    const show = (mediaS) => {
      if (this.kind === null) return;
      this.ms = this.#map.toWallMs(mediaS);
      if (this.ms !== null) this.#fire('frame', { ms: this.ms });
    };
    if (!this.video.requestVideoFrameCallback) {
      this.video.addEventListener('timeupdate', () => show(this.video.currentTime));
      return;
    }
    const onFrame = (_, frame) => {
      show(frame.mediaTime);
      this.video.requestVideoFrameCallback(onFrame);
    };
    this.video.requestVideoFrameCallback(onFrame);
  }

  #fire(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
