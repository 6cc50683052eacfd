/** What lies over the lanes and moves by itself: the player's moment, where somebody points, and the two marks. */

import { useRef } from 'preact/hooks';
import { clockText, momentText, nowMs } from '../instants';
import { SECOND_MS } from '../lengths';
import { clockMs, type Marks, marks, view } from '../moment';
import { msOf, spanOf, xOf } from './scale';
import { cursor, laneWidth } from './store';
import { say } from './words';

const OUTSIDE_PX = 40;

/** Return where a moment is on the screen; null where it is out of sight. */
function placeOf(ms: number | null): number | null {
  if (ms === null) return null;
  const x = xOf(view.value, laneWidth.value, ms);
  return x < -OUTSIDE_PX || x > laneWidth.value + OUTSIDE_PX ? null : x;
}

const at = (x: number) => ({ transform: `translateX(${x}px)` });

function Playhead() {
  const x = placeOf(clockMs.value);
  return x === null ? null : <div class="timeline-playhead" style={at(x)} />;
}

function CursorLine() {
  const x = placeOf(cursor.value?.ms ?? null);
  if (x === null || !cursor.value) return null;
  return (
    <div class="timeline-cursor" style={at(x)}>
      <span class="numbers">{clockText(cursor.value.ms)}</span>
    </div>
  );
}

type End = keyof Marks;

/** Move a mark; the marks never change places. */
function moveMark(end: End, ms: number): void {
  const { inMs, outMs } = marks.peek();
  const free = Math.min(ms, nowMs());
  if (end === 'inMs') marks.value = { inMs: outMs === null ? free : Math.min(free, outMs), outMs };
  else marks.value = { inMs, outMs: inMs === null ? free : Math.max(free, inMs) };
}

function MarkHandle({ end }: { end: End }) {
  const box = useRef<HTMLDivElement>(null);
  const heldPx = useRef(0); // how far from its line it was taken hold of
  const ms = marks.value[end];
  const x = placeOf(ms);
  if (ms === null || x === null) return null;
  const drag = (event: PointerEvent) => {
    const stage = box.current?.parentElement?.getBoundingClientRect();
    if (!stage || !box.current?.hasPointerCapture(event.pointerId)) return;
    moveMark(end, msOf(view.peek(), laneWidth.peek(), event.clientX - heldPx.current - stage.left));
  };
  const press = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const stepMs = Math.max(spanOf(view.peek()) * (event.shiftKey ? 0.02 : 0.002), SECOND_MS / 10);
    moveMark(end, ms + step * stepMs);
  };
  return (
    <div
      ref={box}
      class={`timeline-mark is-${end === 'inMs' ? 'in' : 'out'}`}
      style={at(x)}
      role="slider"
      tabIndex={0}
      data-own-keys
      aria-label={say(end === 'inMs' ? 'markIn' : 'markOut')}
      aria-valuemin={Math.round(view.value.startMs / 1000)}
      aria-valuemax={Math.round(view.value.endMs / 1000)}
      aria-valuenow={Math.round(ms / 1000)}
      aria-valuetext={momentText(ms)}
      onPointerDown={(event) => {
        event.preventDefault();
        heldPx.current = event.clientX - x - (box.current?.parentElement?.getBoundingClientRect().left ?? 0);
        event.currentTarget.setPointerCapture(event.pointerId);
        event.currentTarget.focus();
      }}
      onPointerMove={drag}
      onKeyDown={press}
    />
  );
}

/** What lies between the marks. */
function Marked() {
  const { inMs, outMs } = marks.value;
  if (inMs === null || outMs === null) return null;
  const width = laneWidth.value;
  const left = Math.max(xOf(view.value, width, inMs), 0);
  const right = Math.min(xOf(view.value, width, outMs), width);
  return right > left ? <div class="timeline-marked" style={{ ...at(left), width: `${right - left}px` }} /> : null;
}

export function Overlay() {
  return (
    <>
      <Marked />
      <CursorLine />
      <Playhead />
      <MarkHandle end="inMs" />
      <MarkHandle end="outMs" />
    </>
  );
}
