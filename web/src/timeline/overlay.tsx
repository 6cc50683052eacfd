/** What lies over the lanes and moves by itself: the player's moment, where somebody points, and the two marks. */

import { clockText } from '../instants';
import { clockMs, marks, view } from '../moment';
import type { End } from './grips';
import { MarkHandle, Playhead } from './handles';
import { xOf } from './scale';
import { cursor, held, laneWidth } from './store';

const OUTSIDE_PX = 40;

/** Return where a moment is on the screen; null where it is out of sight. */
function placeOf(ms: number | null): number | null {
  if (ms === null) return null;
  const x = xOf(view.value, laneWidth.value, ms);
  return x < -OUTSIDE_PX || x > laneWidth.value + OUTSIDE_PX ? null : x;
}

const at = (x: number) => ({ transform: `translateX(${x}px)` });

function PlayheadLine() {
  const now = held.value;
  const ms = now?.what === 'playhead' ? now.ms : clockMs.value;
  const x = placeOf(ms);
  return ms === null || x === null ? null : <Playhead x={x} ms={ms} />;
}

function CursorLine() {
  const x = placeOf(cursor.value?.ms ?? null);
  if (x === null || !cursor.value || held.value) return null;
  return (
    <div class="timeline-cursor" style={at(x)}>
      <span class="numbers">{clockText(cursor.value.ms)}</span>
    </div>
  );
}

function MarkLine({ end }: { end: End }) {
  const ms = marks.value[end];
  const x = placeOf(ms);
  return ms === null || x === null ? null : <MarkHandle end={end} x={x} ms={ms} />;
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
      <MarkLine end="inMs" />
      <MarkLine end="outMs" />
      <PlayheadLine />
    </>
  );
}
