/** The player: one large feed with its controls, the clock of the shown frame, and what there is to say about it. */

import { nowMs } from './api.js';
import { find, make, setText } from './dom.js';
import { Feed } from './feed.js';
import { dayText, durationText, momentText, tenthText, zoneChange } from './instants.js';
import { intervalOf } from './mediamap.js';

const STEP_MS = 10_000;
const FRAME_S = 1 / 25;
const NOTICE_MS = 6000;
const LATE_MS = 30_000;
const CODECS = [[/avc[13]\.[^,]*/, 'H.264'], [/(hvc1|hev1)\.[^,]*/, 'H.265'], [/mp4a\.[^,]*/, 'AAC']];

/** Fires `moment` {sourceId, ms} for every frame, `close` when all cameras shall show again. */
export class Player extends EventTarget {
  #noticeTimer = 0;

  constructor(state) {
    super();
    this.state = state;
    this.video = find('video');
    this.feed = new Feed(this.video, (id) => state.camera(id)?.isRecording ?? false);
    this.feed.addEventListener('frame', ({ detail }) => this.#showMoment(detail.ms));
    this.feed.addEventListener('state', ({ detail }) => this.#showState(detail.isLoading));
    this.feed.addEventListener('jump', ({ detail }) => this.#showJump(detail));
    this.feed.addEventListener('lost', ({ detail }) => this.#showLoss(detail.error));
    zoneChange.addEventListener('change', () => this.feed.ms !== null && this.#showMoment(this.feed.ms));
    this.#bindControls();
  }

  get sourceId() {
    return this.feed.sourceId;
  }

  play(sourceId, ms) {
    this.#open(sourceId);
    return this.feed.goTo(sourceId, ms);
  }

  live(sourceId) {
    this.#open(sourceId);
    return this.feed.goLive(sourceId);
  }

  stop() {
    this.feed.stop();
    find('player').hidden = true;
  }

  toggle() {
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  step(ms) {
    if (this.feed.ms !== null) this.play(this.sourceId, Math.min(this.feed.ms + ms, nowMs()));
  }

  stepFrame(direction) {
    this.video.pause();
    this.video.currentTime += direction * FRAME_S;
  }

  #open(sourceId) {
    find('player').hidden = false;
    this.#clearNotice();
    if (sourceId !== this.sourceId) this.#clearMoment();
    setText(find('player-name'), this.state.camera(sourceId)?.name ?? `Camera ${sourceId}`);
  }

  #bindControls() {
    const actions = {
      'play-pause': () => this.toggle(),
      'step-back': () => this.step(-STEP_MS),
      'step-on': () => this.step(STEP_MS),
      'go-live': () => this.live(this.sourceId),
      'mute': () => (this.video.muted = !this.video.muted),
      'full': () => this.#toggleFull(),
      'close-player': () => this.dispatchEvent(new Event('close')),
    };
    for (const [id, act] of Object.entries(actions)) find(id).addEventListener('click', act);
    this.video.addEventListener('click', () => this.toggle());
    this.video.addEventListener('dblclick', () => this.#toggleFull());
    find('speed').addEventListener('change', ({ target }) => {
      this.video.defaultPlaybackRate = this.video.playbackRate = Number(target.value);
    });
  }

  #toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else find('screen').requestFullscreen().catch(() => {});
  }

  #clearMoment() {
    setText(find('clock-day'), '');
    setText(find('clock-time'), '--:--:--');
    setText(find('clock-late'), '');
  }

  #showMoment(ms) {
    const lateMs = nowMs() - ms;
    setText(find('clock-day'), dayText(ms));
    setText(find('clock-time'), tenthText(ms));
    find('clock').dateTime = new Date(ms).toISOString();
    setText(find('clock-late'), lateMs < LATE_MS ? `live, ${Math.max(1, Math.round(lateMs / 1000))} s late` : '');
    find('go-live').setAttribute('aria-pressed', String(lateMs < LATE_MS && !this.video.paused));
    this.dispatchEvent(new CustomEvent('moment', { detail: { sourceId: this.sourceId, ms } }));
  }

  #showState(isLoading = false) {
    const { video } = this;
    const isStarved = !video.paused && video.readyState < 3;
    find('player').classList.toggle('is-waiting', isLoading || isStarved || video.seeking);
    find('player').classList.toggle('is-paused', video.paused);
    find('play-pause').setAttribute('aria-label', video.paused ? 'Play' : 'Pause');
    find('mute').setAttribute('aria-label', video.muted ? 'Sound on' : 'Sound off');
    find('player').classList.toggle('is-muted', video.muted);
    find('mute').hidden = !(this.feed.data?.codecs ?? '').includes('mp4a');
    const { data } = this.feed;
    setText(find('player-facts'), data?.width ? `${data.width}×${data.height} · ${codecNames(data.codecs)}` : '');
    const save = find('save');
    save.hidden = this.feed.kind !== 'mp4';
    if (!save.hidden) save.href = `${data.urls.mp4}${data.urls.mp4.includes('?') ? '&' : '?'}download=1`;
  }

  #showJump({ fromMs, toMs }) {
    const isMeant = ({ startMs, endMs }) => startMs <= fromMs && fromMs < endMs;
    const gap = this.feed.data?.gaps?.find((one) => isMeant(intervalOf(one)));
    const why = gap?.cause ? ` (${gap.cause.replaceAll('_', ' ')})` : '';
    const where = `Nothing recorded at ${momentText(fromMs, nowMs())}${why}.`;
    const distance = `${durationText(Math.abs(toMs - fromMs))} ${toMs > fromMs ? 'later' : 'earlier'}`;
    this.#notice(`${where} Playing from ${momentText(toMs, nowMs())}, ${distance}.`);
    this.#noticeTimer = setTimeout(() => this.#clearNotice(), NOTICE_MS);
  }

  #showLoss(error) {
    const { sourceId } = this;
    find('player').classList.remove('is-waiting');
    const offers = [
      ['before_utc', -1000, 'Play the last before it'],
      ['after_utc', 0, 'Play the next after it'],
    ]
      .filter(([key]) => error.body?.[key])
      .map(([key, byMs, words]) => {
        const ms = Date.parse(error.body[key]) + byMs;
        const button = make('button', { type: 'button', textContent: `${words}: ${momentText(ms, nowMs())}` });
        button.addEventListener('click', () => this.play(sourceId, ms));
        return button;
      });
    const text = error.body && 'before_utc' in error.body ? 'Nothing is recorded at this moment.' : error.message;
    this.#notice(text, offers);
  }

  #notice(text, offers = []) {
    this.#clearNotice();
    find('notice').replaceChildren(make('p', { textContent: text }), ...offers);
    find('notice').hidden = false;
  }

  #clearNotice() {
    clearTimeout(this.#noticeTimer);
    find('notice').hidden = true;
  }
}

function codecNames(codecs) {
  return CODECS.reduce((text, [pattern, name]) => text.replace(pattern, name), codecs).replace(',', ' + ');
}
