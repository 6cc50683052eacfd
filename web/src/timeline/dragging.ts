/**
 * A hand on a handle over the lanes: mouse, pen or finger. Near the edges the view moves on; Escape, and whatever takes
 * the pointer away, puts back what was moved.
 */
import { nowMs } from '../instants';
import { FIRST_MS } from '../lengths';
import { view } from '../moment';
import { msOf, pushAt, spanOf } from './scale';
import { pan } from './steering';
import { laneWidth } from './store';

/** What is done with what is moved. `y` is the pointer's height above the lanes' top, CSS pixels. */
export interface Grip {
  take(): void;
  move(ms: number, y: number): void;
  drop(ms: number): void;
  putBack(): void;
}

const SLOP_PX = 2; // a press is no drag
const MOST_TICK_MS = 100;

/** The moment at a place, no later than now. */
const momentAt = (x: number): number => Math.max(Math.min(msOf(view.peek(), laneWidth.peek(), x), nowMs()), FIRST_MS);

/** One drag: from the press on a handle until it is let go of. */
class Drag {
  readonly #handle: HTMLElement;
  readonly #stage: HTMLElement;
  readonly #pointerId: number;
  readonly #grip: Grip;
  readonly #placePx: number;
  /** How far from its line the handle was taken hold of. */
  readonly #heldPx: number;
  #x: number;
  #y = 0;
  #atMs = Number.NaN;
  #isMoved = false;
  #request = 0;
  #tickedMs = 0;

  constructor(handle: HTMLElement, pressed: PointerEvent, placePx: number, grip: Grip) {
    this.#handle = handle;
    this.#stage = handle.parentElement ?? handle;
    this.#pointerId = pressed.pointerId;
    this.#grip = grip;
    this.#placePx = placePx;
    this.#heldPx = pressed.clientX - this.#stage.getBoundingClientRect().left - placePx;
    this.#x = placePx;
    handle.setPointerCapture(pressed.pointerId);
    handle.addEventListener('pointermove', this.#move);
    handle.addEventListener('pointerup', this.#release);
    handle.addEventListener('lostpointercapture', this.putBack);
    addEventListener('keydown', this.#hear, true);
  }

  readonly putBack = (): void => {
    this.#end();
    if (this.#handle.hasPointerCapture(this.#pointerId)) this.#handle.releasePointerCapture(this.#pointerId);
    if (this.#isMoved) this.#grip.putBack();
    this.#isMoved = false;
  };

  #end(): void {
    cancelAnimationFrame(this.#request);
    this.#handle.removeEventListener('pointermove', this.#move);
    this.#handle.removeEventListener('pointerup', this.#release);
    this.#handle.removeEventListener('lostpointercapture', this.putBack);
    removeEventListener('keydown', this.#hear, true);
  }

  readonly #move = (event: PointerEvent): void => {
    if (event.pointerId !== this.#pointerId) return;
    const box = this.#stage.getBoundingClientRect();
    const toPx = event.clientX - box.left - this.#heldPx;
    if (!this.#isMoved && Math.abs(toPx - this.#placePx) <= SLOP_PX) return;
    this.#x = Math.min(Math.max(toPx, 0), laneWidth.peek());
    this.#y = event.clientY - box.top;
    if (this.#isMoved) return;
    this.#isMoved = true;
    this.#tickedMs = performance.now();
    this.#grip.take();
    this.#tick();
  };

  /** With each frame of the screen: the hand may rest at an edge, and the view moves on all the same. */
  readonly #tick = (): void => {
    const now = performance.now();
    const tickMs = Math.min(now - this.#tickedMs, MOST_TICK_MS);
    this.#tickedMs = now;
    const push = pushAt(this.#x, laneWidth.peek());
    if (push) pan((push * spanOf(view.peek()) * tickMs) / 1000);
    const ms = momentAt(this.#x);
    if (ms !== this.#atMs) this.#grip.move(ms, this.#y);
    this.#atMs = ms;
    this.#request = requestAnimationFrame(this.#tick);
  };

  readonly #release = (event: PointerEvent): void => {
    if (event.pointerId !== this.#pointerId) return;
    this.#move(event);
    this.#end();
    if (this.#isMoved) this.#grip.drop(momentAt(this.#x));
    this.#isMoved = false;
  };

  readonly #hear = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.putBack();
  };
}

/** Follow the pointer that pressed `handle`, which lies at `placePx`. Returns what puts all back, if it still goes on. */
export function drag(handle: HTMLElement, pressed: PointerEvent, placePx: number, grip: Grip): () => void {
  return new Drag(handle, pressed, placePx, grip).putBack;
}
