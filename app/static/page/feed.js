/**
 * One <video> that shows a moment of a camera and knows the wall time of the frame that it shows.
 *
 * Footage comes as one MP4 of some minutes around the moment, and then the next one. What is being recorded now comes
 * through the growing HLS playlist (growing.js); where a browser has no media source extensions, by MP4s up to now,
 * one after another. HLS of the browser is not used: what time its frames are of, Chromium's does not tell.
 */

import * as api from './api.js';
import { nowMs } from './api.js';
import { canRead, Growing } from './growing.js';
import { intervalOf, MediaMap } from './mediamap.js';

const BEFORE_MS = 300_000;
const AFTER_MS = 1_500_000;
const NEAR_LIVE_MS = 60_000;
const LIVE_BACK_MS = 20_000;
const MP4_LAG_MS = 8000;
const SETTLED_MS = 5000; // of a younger run the growing playlist has no entry yet
const RETRY_MS = 1500;
const NOTHING = { map: new MediaMap([]) };
const problem = (msg, type) => new api.ApiError(0, [{ loc: [], msg, type }]);

/** Fires `frame` {ms}, `state`, `jump` {fromMs, toMs} over a gap, `lost` {error} when there is nothing to show. */
export class Feed extends EventTarget {
  #loading = null;
  #media = NOTHING; // {map}, or a Growing, whose map grows
  #retry = 0;

  /** `isRecording(sourceId)` says whether more footage is to be expected. */
  constructor(video, isRecording) {
    super();
    Object.assign(this, { video, isRecording, sourceId: null, kind: null, ms: null, data: null });
    this.#watchFrames();
    for (const name of ['playing', 'pause', 'waiting', 'seeking', 'seeked', 'volumechange']) {
      video.addEventListener(name, () => this.#fire('state'));
    }
    video.addEventListener('ended', () => this.#goOn());
    video.addEventListener('error', () => this.#failed());
  }

  /** Show a moment. Within what is loaded it is a seek. */
  async goTo(sourceId, ms) {
    if (sourceId === this.sourceId && this.#canSeek(ms)) return this.#seek(ms);
    const isNear = ms > nowMs() - NEAR_LIVE_MS && this.isRecording(sourceId);
    return this.#load(sourceId, (signal) => (isNear ? this.#openGrowing(ms, ms, signal) : this.#openMp4(ms, signal)));
  }

  /** Show what happens now, as little late as the recording allows; waits for a first picture. */
  async goLive(sourceId) {
    return this.#load(sourceId, async function open(signal) {
      const newest = (await this.#spans(nowMs() - NEAR_LIVE_MS, signal)).at(-1);
      const isSettled = newest && newest.endMs - newest.startMs > SETTLED_MS;
      if (isSettled) return this.#openGrowing(Math.max(newest.startMs, newest.endMs - LIVE_BACK_MS), null, signal);
      if (this.isRecording(sourceId)) return this.#wait(open.bind(this), signal);
      return this.#openMp4(nowMs(), signal);
    }.bind(this));
  }

  stop() {
    this.#cancel();
    this.sourceId = this.kind = this.ms = this.data = null;
    this.#media = NOTHING;
    this.video.removeAttribute('src');
    this.video.load();
    this.#fire('state');
  }

  #cancel() {
    this.#loading?.abort();
    clearTimeout(this.#retry);
  }

  async #load(sourceId, open) {
    this.#cancel();
    const { signal } = (this.#loading = new AbortController());
    this.sourceId = sourceId;
    this.#fire('state', { isLoading: true });
    await this.#guard(open, signal);
  }

  async #guard(open, signal) {
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

  /** Try again a little later; what goes wrong then is told as if it went wrong now. */
  #wait(open, signal) {
    this.#retry = setTimeout(() => signal.aborted || this.#guard(open, signal), RETRY_MS);
  }

  /** The camera's spans from then to now, [{startMs, endMs}]; asks the timeline, which never answers 404. */
  async #spans(fromMs, signal) {
    const startMs = Math.min(fromMs, nowMs() - 1000);
    const resolutionS = Math.max(1, Math.ceil((nowMs() - startMs) / 5_000_000));
    const answer = await api.timeline([this.sourceId], startMs, nowMs(), resolutionS, signal);
    return answer.sources[0].spans.map(intervalOf);
  }

  async #openMp4(ms, signal, fromMs = ms - BEFORE_MS) {
    const data = await api.footage(this.sourceId, fromMs, Math.min(ms + AFTER_MS, nowMs()), signal);
    this.#take('mp4', data, { map: MediaMap.ofFootage(data) });
    this.video.src = data.urls.mp4;
    this.#seek(ms);
  }

  /** Play the growing playlist that begins at `fromMs` from `atMs` on; null: as close to now as it can be. */
  async #openGrowing(fromMs, atMs, signal) {
    const data = await api.footage(this.sourceId, fromMs, null, signal);
    if (!canRead(data.codecs)) return this.#openMp4(atMs ?? nowMs() - MP4_LAG_MS, signal);
    const growing = new Growing(this.video, data.urls.hls, data.codecs, signal);
    await growing.read();
    const { map } = growing;
    this.#take('hls', data, growing);
    const place = map.toMedia(atMs ?? Math.max(map.startMs, map.endMs - growing.lagMs));
    if (atMs !== null && place.wallMs - atMs > 1000) this.#fire('jump', { fromMs: atMs, toMs: place.wallMs });
    this.#guard(() => growing.play(place.mediaS), signal);
    return this.#play();
  }

  #take(kind, data, media) {
    this.kind = kind;
    this.data = data;
    this.#media = media;
  }

  #canSeek(ms) {
    const { map } = this.#media;
    if (this.kind === 'mp4') return map.covers(ms);
    return this.kind === 'hls' && map.covers(ms) && Boolean(this.#media.canSeek?.(map.toMedia(ms).mediaS));
  }

  #seek(ms) {
    const place = this.#media.map.toMedia(ms);
    this.video.currentTime = place.mediaS;
    if (Math.abs(place.wallMs - ms) > 1000) this.#fire('jump', { fromMs: ms, toMs: place.wallMs });
    this.#play();
  }

  #play() {
    this.video.play().catch((error) => error.name === 'NotAllowedError' && this.#fire('state'));
  }

  /** The media has ended: go on with the footage after it, wait for it where the camera still records. */
  async #goOn() {
    const fromMs = this.#media.map.endMs;
    if (this.kind === null || fromMs === null) return;
    await this.#load(this.sourceId, async function open(signal) {
      const next = (await this.#spans(fromMs, signal)).find((span) => span.endMs - fromMs > 500);
      if (!next && !this.isRecording(this.sourceId)) throw problem('The footage ends here', 'end');
      if (!next) return this.#wait(open.bind(this), signal);
      const toMs = Math.max(next.startMs, fromMs);
      if (toMs - fromMs > 1000) this.#fire('jump', { fromMs, toMs });
      const isNear = toMs > nowMs() - NEAR_LIVE_MS && this.isRecording(this.sourceId);
      return isNear ? this.#openGrowing(toMs, toMs, signal) : this.#openMp4(toMs, signal, toMs);
    }.bind(this));
  }

  #failed() {
    if (this.kind === null || !this.video.error) return;
    const ms = this.ms ?? this.#media.map.startMs;
    if (this.kind === 'hls') {
      this.#load(this.sourceId, (signal) => this.#openMp4(ms, signal));
      return;
    }
    const codecs = this.data?.codecs ? ` (${this.data.codecs})` : '';
    const msg = `This browser cannot play the footage${codecs}: ${this.video.error.message || 'no reason given'}`;
    this.#fire('lost', { error: problem(msg, 'unplayable') });
  }

  #watchFrames() {
    const show = (mediaS) => {
      if (this.kind === null) return;
      this.ms = this.#media.map.toWallMs(mediaS);
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
