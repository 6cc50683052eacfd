/**
 * A hand on a handle over the lanes: mouse, pen or finger. Near the edges the view moves on; Escape, and whatever takes
 * the pointer away, puts back what was moved.
 */
import { nowMs } from '../instants';
import { view } from '../moment';
import { FIRST_MS, msOf, pushAt, spanOf } from './scale';
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

/** Follow the pointer that pressed `handle`, which lies at `placePx`. Returns what puts all back and ends it. */
export function drag(handle: HTMLElement, pressed: PointerEvent, placePx: number, grip: Grip): () => void {
  const stage = handle.parentElement ?? handle;
  const { pointerId } = pressed;
  const heldPx = pressed.clientX - stage.getBoundingClientRect().left - placePx;
  let [x, y, atMs] = [placePx, 0, Number.NaN];
  let [isMoved, request, tickedMs] = [false, 0, performance.now()];

  const tick = () => {
    const now = performance.now();
    const tickMs = Math.min(now - tickedMs, MOST_TICK_MS);
    tickedMs = now;
    const push = pushAt(x, laneWidth.peek());
    if (push) pan((push * spanOf(view.peek()) * tickMs) / 1000);
    const ms = momentAt(x);
    if (ms !== atMs) grip.move(ms, y);
    atMs = ms;
    request = requestAnimationFrame(tick);
  };
  const move = (event: PointerEvent) => {
    if (event.pointerId !== pointerId) return;
    const box = stage.getBoundingClientRect();
    const toPx = event.clientX - box.left - heldPx;
    if (!isMoved && Math.abs(toPx - placePx) <= SLOP_PX) return;
    x = Math.min(Math.max(toPx, 0), laneWidth.peek());
    y = event.clientY - box.top;
    if (isMoved) return;
    isMoved = true;
    tickedMs = performance.now();
    grip.take();
    tick();
  };
  const end = () => {
    cancelAnimationFrame(request);
    handle.removeEventListener('pointermove', move);
    handle.removeEventListener('pointerup', release);
    handle.removeEventListener('lostpointercapture', putBack);
    removeEventListener('keydown', hear, true);
  };
  const release = (event: PointerEvent) => {
    if (event.pointerId !== pointerId) return;
    move(event);
    end();
    if (isMoved) grip.drop(momentAt(x));
  };
  const putBack = () => {
    end();
    if (handle.hasPointerCapture(pointerId)) handle.releasePointerCapture(pointerId);
    if (isMoved) grip.putBack();
  };
  const hear = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    event.stopImmediatePropagation();
    putBack();
  };
  handle.setPointerCapture(pointerId);
  handle.addEventListener('pointermove', move);
  handle.addEventListener('pointerup', release);
  handle.addEventListener('lostpointercapture', putBack);
  addEventListener('keydown', hear, true);
  return putBack;
}
