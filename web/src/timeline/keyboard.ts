/** The keys of the focused lanes. */

import { nowMs } from '../instants';
import { SECOND_MS } from '../lengths';
import { clockMs, marks, view } from '../moment';
import type { LanesScene } from './lanesscene';
import { isWithin, spanOf } from './scale';
import { center, goToNow, pan, reveal, zoom } from './steering';
import { cursor } from './store';

const STEP_PART = 0.01;
const LEAP_PART = 0.1;
const HALF = 0.5;

export interface KeyboardTarget {
  readonly lanes: LanesScene;
  readonly ids: readonly number[];
  readonly go: (ms: number) => void;
  readonly pick: () => void;
}

/** Where keys move from: the cursor, else what the player shows, else the middle of what is shown. */
function placeMs(): number {
  const shown = view.peek();
  const found = cursor.peek()?.ms ?? clockMs.peek();
  return found !== null && isWithin(shown, found) ? found : Math.min((shown.startMs + shown.endMs) / 2, nowMs());
}

function put(target: KeyboardTarget, ms: number): void {
  const id = cursor.peek()?.id ?? target.ids[0] ?? null;
  const movedMs = Math.min(ms, nowMs());
  reveal(movedMs);
  cursor.value = { ms: movedMs, id, isByKey: true };
}

function step(target: KeyboardTarget, direction: 1 | -1, event: KeyboardEvent): void {
  const spanMs = spanOf(view.peek());
  const from = placeMs();
  if (event.ctrlKey) {
    const id = cursor.peek()?.id ?? target.ids[0];
    const edgeMs = id === undefined ? null : target.lanes.edge(id, from, direction);
    if (edgeMs !== null) put(target, edgeMs);
  } else put(target, from + direction * Math.max(spanMs * (event.shiftKey ? LEAP_PART : STEP_PART), SECOND_MS / 10));
}

function changeLane(target: KeyboardTarget, by: 1 | -1): void {
  const { ids } = target;
  const before = ids.indexOf(cursor.peek()?.id ?? -1);
  const at = before < 0 ? (by > 0 ? 0 : ids.length - 1) : Math.min(Math.max(before + by, 0), ids.length - 1);
  cursor.value = { ms: placeMs(), id: ids[at] ?? null, isByKey: true };
}

async function goToOldest(target: KeyboardTarget): Promise<void> {
  const oldestMs = await target.lanes.oldest();
  if (oldestMs === null) return;
  center(oldestMs);
  cursor.value = { ms: oldestMs, id: cursor.peek()?.id ?? target.ids[0] ?? null, isByKey: true };
}

/** About what keys zoom: what is in sight of what keys move from. */
function zoomBy(factor: number): void {
  const found = cursor.peek()?.ms ?? clockMs.peek();
  zoom(factor, found !== null && isWithin(view.peek(), found) ? found : null, true);
}

type Act = (target: KeyboardTarget, event: KeyboardEvent) => void;

const ACTS: Record<string, Act> = {
  ArrowLeft: (target, event) => step(target, -1, event),
  ArrowRight: (target, event) => step(target, 1, event),
  ArrowUp: (target) => changeLane(target, -1),
  ArrowDown: (target) => changeLane(target, 1),
  PageUp: () => pan(-HALF * spanOf(view.peek()), true),
  PageDown: () => pan(HALF * spanOf(view.peek()), true),
  Home: (target) => void goToOldest(target),
  End: () => {
    cursor.value = null;
    goToNow();
  },
  '+': () => zoomBy(HALF),
  '=': () => zoomBy(HALF),
  '-': () => zoomBy(1 / HALF),
  g: (target) => target.pick(),
  Enter: (target) => target.go(placeMs()),
  Escape: () => {
    cursor.value = null;
  },
};

/** With a cursor the marks are set at it; without one the page's own keys set them at what the player shows. */
const MARKS: Record<string, () => void> = {
  '[': () => {
    const ms = placeMs();
    const { outMs } = marks.peek();
    marks.value = { inMs: ms, outMs: outMs !== null && outMs < ms ? null : outMs };
  },
  ']': () => {
    const ms = placeMs();
    const { inMs } = marks.peek();
    marks.value = { inMs: inMs !== null && inMs > ms ? null : inMs, outMs: ms };
  },
};

/** Do what a key says; false where it says nothing. */
export function press(target: KeyboardTarget, event: KeyboardEvent): boolean {
  if (event.altKey || event.metaKey || (event.ctrlKey && !event.key.startsWith('Arrow'))) return false;
  const act = ACTS[event.key] ?? (cursor.peek() ? MARKS[event.key] : undefined);
  if (!act || (event.key === 'Escape' && !cursor.peek())) return false;
  act(target, event);
  return true;
}
