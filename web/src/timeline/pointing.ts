/** Mouse, pen and fingers on the canvas: hovering, clicks, dragging, wheels and pinches. */

export interface PointingTarget {
  hover(x: number, y: number): void;
  leave(): void;
  click(x: number, y: number): void;
  /** Pressed twice: after two clicks. */
  enlarge(x: number, y: number): void;
  /** Move what is shown so many pixels to the right. */
  drag(px: number): void;
  /** Zoom about a place; a factor below 1 shows less time. */
  zoom(factor: number, x: number): void;
}

const DRAG_PX = 4;
const WHEEL_RATE = 0.0022; // a notch of 120 zooms by a quarter
const PINCH_RATE = 0.01; // touch pads tell pinches as small turns of the wheel with Ctrl
const LINE_PX = 16;
const PAGE_PX = 400;

export const wheelPx = (delta: number, mode: number): number => delta * ([1, LINE_PX, PAGE_PX][mode] ?? 1);

/** Return the factor of a turn of the wheel: the same for one large turn as for many small ones of the same sum. */
export function wheelFactor(px: number): number {
  return Math.exp(px * (Math.abs(px) < 40 ? PINCH_RATE : WHEEL_RATE));
}

interface Finger {
  x: number;
  readonly fromX: number;
}

export class Pointing {
  readonly #element: HTMLElement;
  readonly #target: PointingTarget;
  readonly #fingers = new Map<number, Finger>();
  #isMoving = false;

  constructor(element: HTMLElement, target: PointingTarget) {
    this.#element = element;
    this.#target = target;
    element.addEventListener('pointerdown', this.#press);
    element.addEventListener('pointermove', this.#move);
    element.addEventListener('pointerup', this.#release);
    element.addEventListener('pointercancel', this.#cancel);
    element.addEventListener('pointerleave', this.#leave);
    element.addEventListener('dblclick', this.#double);
    element.addEventListener('wheel', this.#wheel, { passive: false });
  }

  stop(): void {
    this.#element.removeEventListener('pointerdown', this.#press);
    this.#element.removeEventListener('pointermove', this.#move);
    this.#element.removeEventListener('pointerup', this.#release);
    this.#element.removeEventListener('pointercancel', this.#cancel);
    this.#element.removeEventListener('pointerleave', this.#leave);
    this.#element.removeEventListener('dblclick', this.#double);
    this.#element.removeEventListener('wheel', this.#wheel);
  }

  #place(event: MouseEvent): { x: number; y: number } {
    const box = this.#element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  readonly #press = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    const { x, y } = this.#place(event);
    if (!this.#fingers.size) this.#isMoving = false;
    this.#fingers.set(event.pointerId, { x, fromX: x });
    this.#element.setPointerCapture(event.pointerId);
    if (this.#fingers.size > 1) this.#isMoving = true;
    else if (event.pointerType !== 'mouse') this.#target.hover(x, y);
  };

  readonly #move = (event: PointerEvent): void => {
    const { x, y } = this.#place(event);
    const finger = this.#fingers.get(event.pointerId);
    if (!finger) {
      this.#target.hover(x, y);
      return;
    }
    if (!this.#isMoving && Math.abs(x - finger.fromX) > DRAG_PX) {
      this.#isMoving = true;
      finger.x = finger.fromX;
      this.#target.leave();
    }
    if (!this.#isMoving) return;
    if (this.#fingers.size === 2) this.#pinch(event.pointerId, x);
    else this.#target.drag(x - finger.x);
    finger.x = x;
  };

  /** One of two fingers has moved: what lies between them follows both. */
  #pinch(id: number, x: number): void {
    const moved = this.#fingers.get(id);
    const other = [...this.#fingers.entries()].find(([one]) => one !== id)?.[1];
    if (!moved || !other) return;
    const [before, after] = [Math.abs(moved.x - other.x), Math.abs(x - other.x)];
    this.#target.drag((x - moved.x) / 2);
    if (before > 8 && after > 8) this.#target.zoom(before / after, (x + other.x) / 2);
  }

  readonly #release = (event: PointerEvent): void => {
    const isClick = this.#fingers.size === 1 && this.#fingers.has(event.pointerId) && !this.#isMoving;
    this.#fingers.delete(event.pointerId);
    if (!isClick) return;
    const { x, y } = this.#place(event);
    this.#target.click(x, y);
  };

  readonly #cancel = (event: PointerEvent): void => {
    this.#fingers.delete(event.pointerId);
  };

  readonly #leave = (event: PointerEvent): void => {
    if (!this.#fingers.has(event.pointerId)) this.#target.leave();
  };

  readonly #double = (event: MouseEvent): void => {
    const { x, y } = this.#place(event);
    this.#target.enlarge(x, y);
  };

  readonly #wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const [acrossPx, downPx] = [wheelPx(event.deltaX, event.deltaMode), wheelPx(event.deltaY, event.deltaMode)];
    if (event.ctrlKey || event.metaKey) this.#target.zoom(wheelFactor(downPx), this.#place(event).x);
    else this.#target.drag(-(Math.abs(acrossPx) > Math.abs(downPx) ? acrossPx : downPx));
  };
}
