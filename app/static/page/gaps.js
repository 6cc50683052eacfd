/** Why there is no footage: the gaps of the camera that is pointed at or played, with their causes in words. */

import * as api from './api.js';
import { nowMs } from './api.js';
import { find, make, setText } from './dom.js';
import { durationText, momentText, zoneChange } from './instants.js';
import { intervalOf } from './mediamap.js';

const FRESH_MS = 5000;
const MOST_MS = 26 * 3_600_000;
const MOST_LINES = 100;

/** Fires `change` when causes have come. */
export class Gaps extends EventTarget {
  #sourceId = null;
  #gaps = [];
  #window = null;
  #loading = null;

  constructor(range, state) {
    super();
    Object.assign(this, { range, state });
    range.addEventListener('change', () => this.#refresh());
    zoneChange.addEventListener('change', () => this.#show());
    find('gaps').addEventListener('toggle', () => this.#show());
  }

  /** Turn to a camera; called often. */
  look(sourceId) {
    if (sourceId !== this.#sourceId) {
      this.#sourceId = sourceId;
      this.#gaps = [];
      this.#window = null;
      this.#show();
    }
    this.#refresh();
  }

  /** What is missing at a time of a camera, {startMs, endMs, words, detail}; null where that is not known. */
  at(sourceId, ms) {
    if (sourceId !== this.#sourceId) return null;
    return this.#gaps.find((gap) => gap.startMs <= ms && ms < gap.endMs) ?? null;
  }

  async #refresh() {
    const { startMs, endMs } = this.range;
    const toMs = Math.min(endMs, nowMs());
    const known = this.#window;
    const isKnown = known && known.startMs <= startMs && known.endMs >= Math.min(toMs, known.askedMs);
    const isFresh = known && performance.now() - known.fetchedMs < FRESH_MS;
    if (this.#sourceId === null || endMs - startMs > MOST_MS || startMs >= toMs || (isKnown && isFresh)) return;
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.#window = { startMs, endMs: toMs, askedMs: toMs, fetchedMs: performance.now() };
    try {
      const { gaps } = await api.gaps(this.#sourceId, startMs, toMs, loading.signal);
      const written = gaps.filter((gap) => gap.cause !== 'pending'); // what is still to come is not missing
      this.#gaps = written.map((gap) => ({ ...gap, ...intervalOf(gap) }));
      this.#show();
      this.dispatchEvent(new Event('change'));
    } catch (error) {
      if (error.name !== 'AbortError') this.#window = null;
    }
  }

  #show() {
    const name = this.state.camera(this.#sourceId)?.name;
    find('gaps').hidden = name === undefined;
    const lost = this.#gaps.filter((gap) => gap.cause !== 'not_recording');
    const lostMs = lost.reduce((sum, gap) => sum + gap.endMs - gap.startMs, 0);
    const sum = lost.length ? `${lost.length} · ${durationText(lostMs)} missing` : 'nothing is missing';
    setText(find('gaps-head'), `Gaps of ${name ?? ''} in the shown time: ${sum}`);
    if (!find('gaps').open) return;
    find('gaps-list').replaceChildren(...this.#gaps.slice(-MOST_LINES).reverse().map((gap) => this.#line(gap)));
  }

  #line({ startMs, endMs, words, detail }) {
    const when = `${momentText(startMs, nowMs())} – ${momentText(endMs, nowMs())}`;
    const button = make('button', { type: 'button', className: 'quiet', textContent: when });
    button.addEventListener('click', () =>
      this.dispatchEvent(new CustomEvent('play', { detail: { sourceId: this.#sourceId, ms: startMs - 2000 } })),
    );
    const cause = make('span', { textContent: words, title: detail ?? '' });
    return make('li', {}, button, make('b', { textContent: durationText(endMs - startMs) }), cause);
  }
}
