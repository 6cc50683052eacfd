/** The bars of all cameras on one axis: pointing, dragging, keys; asks to play a moment. */

import { nowMs } from './api.js';
import { drawAxis, drawBar, forgetColours } from './bar.js';
import { make } from './dom.js';
import { durationText, momentText, zoneChange } from './instants.js';

const DRAG_PX = 4;
const KEYS = {
  ArrowLeft: (line, event) => line.moveCursor(event.shiftKey ? -0.1 : -0.01),
  ArrowRight: (line, event) => line.moveCursor(event.shiftKey ? 0.1 : 0.01),
  PageUp: (line) => line.range.panBy(-line.range.spanMs / 2),
  PageDown: (line) => line.range.panBy(line.range.spanMs / 2),
  '+': (line) => line.range.zoomBy(-1, line.cursorMs ?? undefined),
  '-': (line) => line.range.zoomBy(1, line.cursorMs ?? undefined),
  n: (line, event, id) => line.jump(id, 1),
  p: (line, event, id) => line.jump(id, -1),
  End: (line) => line.range.follow(),
};

/** Fires `play` with {sourceId, ms}. `gaps` tells why there is none. */
export class Timeline extends EventTarget {
  #bars = new Map();
  #isDue = false;
  #drag = null;
  #hovered = null;

  constructor({ range, coverage, gaps, axis, tip }) {
    super();
    Object.assign(this, { range, coverage, gaps, axis, tip, cursorMs: null, playing: null });
    this.resizes = new ResizeObserver(() => this.draw());
    this.resizes.observe(axis);
    for (const target of [range, coverage, zoneChange]) target.addEventListener('change', () => this.draw());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      forgetColours();
      this.draw();
    });
    this.#listen(axis, null);
  }

  /** Take over the bar of a camera: an element with a canvas in it. */
  add(sourceId, bar) {
    this.#bars.set(sourceId, { bar, canvas: bar.querySelector('canvas') });
    this.resizes.observe(bar);
    this.#listen(bar, sourceId);
  }

  remove(sourceId) {
    const { bar } = this.#bars.get(sourceId);
    this.resizes.unobserve(bar);
    this.#bars.delete(sourceId);
  }

  /** Mark what the player shows: {sourceId, ms}, null for nothing. */
  mark(playing) {
    this.playing = playing;
    this.draw();
  }

  draw() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#drawNow();
    });
  }

  #drawNow() {
    const shown = this.range.shown;
    const moment = { playheadMs: this.playing?.ms ?? null, cursorMs: this.cursorMs, nowMs: nowMs() };
    drawAxis(this.axis, shown, moment);
    for (const [sourceId, { canvas }] of this.#bars) {
      const isCurrent = sourceId === this.playing?.sourceId;
      drawBar(canvas, this.coverage.of(sourceId), shown, { ...moment, isCurrent });
    }
    if (shown.isGliding) this.draw();
  }

  moveCursor(part) {
    const { startMs, endMs, spanMs } = this.range;
    const fromMs = this.cursorMs ?? this.playing?.ms ?? endMs - spanMs * 0.05;
    const ms = Math.min(fromMs + part * spanMs, nowMs());
    if (ms < startMs) this.range.panBy(ms - startMs - spanMs * 0.1);
    if (ms > endMs) this.range.panBy(ms - endMs + spanMs * 0.1);
    this.cursorMs = ms;
  }

  /** Move the cursor to where footage next begins (1) or last began (-1). */
  jump(sourceId, direction) {
    const starts = (this.coverage.of(sourceId) ?? []).map((span) => span.startMs);
    const fromMs = this.cursorMs ?? this.playing?.ms ?? this.range.endMs;
    const isBeyond = (ms) => (direction > 0 ? ms > fromMs + 1 : ms < fromMs - 1);
    const ms = direction > 0 ? starts.find(isBeyond) : starts.findLast(isBeyond);
    if (ms === undefined) return;
    this.range.reveal(ms);
    this.cursorMs = ms;
  }

  #listen(element, sourceId) {
    const at = (event) => this.#instantAt(element, event.clientX);
    element.addEventListener('pointerdown', (event) => this.#press(element, event));
    element.addEventListener('pointermove', (event) => this.#move(element, sourceId, event));
    element.addEventListener('pointerup', (event) => {
      const isClick = this.#drag && !this.#drag.isMoving && event.button === 0;
      this.#drag = null;
      if (isClick && sourceId !== null) this.#play(sourceId, at(event));
    });
    element.addEventListener('pointercancel', () => (this.#drag = null));
    element.addEventListener('pointerleave', () => this.#leave());
    element.addEventListener('wheel', (event) => this.#wheel(event, at(event)), { passive: false });
    if (sourceId === null) return;
    element.addEventListener('keydown', (event) => this.#key(element, sourceId, event));
    element.addEventListener('blur', () => this.#leave());
  }

  #instantAt(element, clientX) {
    const box = element.getBoundingClientRect();
    return this.range.startMs + ((clientX - box.left) / box.width) * this.range.spanMs;
  }

  #play(sourceId, ms) {
    this.dispatchEvent(new CustomEvent('play', { detail: { sourceId, ms: Math.min(ms, nowMs()) } }));
  }

  #press(element, event) {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    this.#drag = { fromX: event.clientX, lastX: event.clientX, isMoving: false };
  }

  #move(element, sourceId, event) {
    const drag = this.#drag;
    if (drag && (drag.isMoving || Math.abs(event.clientX - drag.fromX) > DRAG_PX)) {
      drag.isMoving = true;
      const msPerPx = this.range.spanMs / element.clientWidth;
      this.range.panBy((drag.lastX - event.clientX) * msPerPx, { isGliding: false });
      drag.lastX = event.clientX;
      return this.#leave();
    }
    this.cursorMs = this.#instantAt(element, event.clientX);
    this.#showTip(element, sourceId, event.clientX);
    return this.draw();
  }

  /** Say the cause that has just come, where the mouse rests. */
  showCause() {
    const hovered = this.tip.hidden ? null : this.#hovered;
    if (hovered && this.cursorMs !== null) this.#showTip(hovered.element, hovered.sourceId, hovered.clientX);
  }

  #leave() {
    this.cursorMs = null;
    this.tip.hidden = true;
    this.draw();
  }

  #wheel(event, ms) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      if (Math.abs(event.deltaY) > 1) this.range.zoomBy(Math.sign(event.deltaY), ms);
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      event.preventDefault();
      const px = event.deltaX || event.deltaY;
      this.range.panBy((px * this.range.spanMs) / event.currentTarget.clientWidth, { isGliding: false });
    }
  }

  #key(element, sourceId, event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === 'Enter') this.#play(sourceId, this.cursorMs ?? this.playing?.ms ?? nowMs());
    else if (KEYS[event.key]) KEYS[event.key](this, event, sourceId);
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (this.cursorMs !== null) {
      const box = element.getBoundingClientRect();
      const part = (this.cursorMs - this.range.startMs) / this.range.spanMs;
      this.#showTip(element, sourceId, box.left + Math.min(Math.max(part, 0), 1) * box.width);
      const { startMs, endMs } = this.range;
      for (const [name, ms] of [['min', startMs], ['max', endMs], ['now', this.cursorMs]]) {
        element.setAttribute(`aria-value${name}`, String(Math.round(ms / 1000)));
      }
      element.setAttribute('aria-valuetext', this.#describe(sourceId).join(', '));
    }
    this.draw();
  }

  /** The time under the cursor and what there is at it. */
  #describe(sourceId) {
    const time = momentText(this.cursorMs, nowMs());
    if (sourceId === null) return [time];
    if (this.cursorMs > nowMs()) return [time, 'not yet'];
    this.gaps.look(sourceId);
    const known = this.gaps.at(sourceId, this.cursorMs);
    const why = known ? [known.words] : [];
    const { isFootage, startMs, endMs } = this.coverage.at(sourceId, this.cursorMs);
    if (isFootage) return [time, ...why];
    const isWhole = startMs !== null && endMs !== null;
    return [time, isWhole ? `gap of ${durationText(endMs - startMs)}` : 'no footage', ...why];
  }

  #showTip(element, sourceId, clientX) {
    this.#hovered = { element, sourceId, clientX };
    const [time, ...rest] = this.#describe(sourceId);
    this.tip.replaceChildren(time, ...rest.map((textContent) => make('span', { textContent })));
    this.tip.hidden = false;
    const box = element.getBoundingClientRect();
    const half = this.tip.offsetWidth / 2;
    const left = Math.min(Math.max(clientX, half + 4), document.documentElement.clientWidth - half - 4);
    this.tip.style.transform = `translate(${left - half}px, ${box.top - this.tip.offsetHeight - 6}px)`;
  }
}
