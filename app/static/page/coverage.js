/** What is recorded when: spans of each camera around the shown range, fetched in one call and kept fresh. */

import * as api from './api.js';
import { nowMs } from './api.js';
import { intervalOf } from './mediamap.js';

const CELLS = 1500;
const FRESH_PARTS = 300;

export class Coverage extends EventTarget {
  #spans = new Map();
  #window = null;
  #loading = null;
  #fetchedMs = 0;

  constructor(range) {
    super();
    this.range = range;
  }

  /** Spans of a camera, [{startMs, endMs}] in order; null while nothing is known of it. */
  of(sourceId) {
    return this.#spans.get(sourceId) ?? null;
  }

  /** {isFootage, startMs, endMs} of the span or gap that a time lies in; edges unknown are null. */
  at(sourceId, ms) {
    const spans = this.of(sourceId) ?? [];
    const next = spans.findIndex((span) => ms < span.endMs);
    const span = spans[next];
    if (span && span.startMs <= ms) return { isFootage: true, ...span };
    const before = next < 0 ? spans.at(-1) : spans[next - 1];
    return { isFootage: false, startMs: before?.endMs ?? null, endMs: span?.startMs ?? null };
  }

  /** Fetch what the range needs if it is not here or has grown old; called often. */
  async refresh(sourceIds, { isForced = false } = {}) {
    const freshMs = Math.min(Math.max(this.range.spanMs / FRESH_PARTS, 2000), 15_000);
    const isOld = performance.now() - this.#fetchedMs > freshMs && this.range.endMs > this.#window?.fetchedToMs;
    if (!sourceIds.length || !(isForced || isOld || !this.#covers(sourceIds))) return;
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    const wanted = this.#wanted(sourceIds);
    this.#fetchedMs = performance.now();
    this.#window = wanted;
    try {
      const { startMs, endMs, resolutionS } = wanted;
      const answer = await api.timeline(sourceIds, startMs, endMs, resolutionS, loading.signal);
      this.#keep(answer);
      this.dispatchEvent(new Event('change'));
    } catch (error) {
      if (error.name === 'AbortError') return;
      this.#window = null;
      this.dispatchEvent(new CustomEvent('failed', { detail: error }));
    }
  }

  #covers(sourceIds) {
    const { startMs, endMs, spanMs } = this.range;
    const known = this.#window;
    if (!known || known.key !== sourceIds.join() || known.spanMs !== spanMs) return false;
    return known.startMs <= startMs && (known.endMs >= endMs || known.endMs >= known.fetchedToMs);
  }

  #wanted(sourceIds) {
    const { startMs, endMs, spanMs } = this.range;
    const fetchedToMs = nowMs();
    return {
      key: sourceIds.join(),
      spanMs,
      fetchedToMs,
      startMs: startMs - spanMs / 2,
      endMs: Math.min(endMs + spanMs / 2, fetchedToMs),
      resolutionS: Math.max(1, Math.round(spanMs / 1000 / CELLS)),
    };
  }

  #keep(answer) {
    this.#spans = new Map(
      answer.sources.map((source) => [
        source.source_id,
        source.spans.map(intervalOf),
      ]),
    );
  }
}
