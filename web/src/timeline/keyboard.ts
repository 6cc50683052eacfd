/** The keys of the focused lanes. */

import { nowMs } from '../instants';
import { type KeyHint, latinKey } from '../keys';
import { SECOND_MS } from '../lengths';
import { clockMs, view } from '../moment';
import type { LanesScene } from './lanesscene';
import { isWithin, spanOf } from './scale';
import { center, goToNow, pan, reveal, showStretch, zoom } from './steering';
import { cursor } from './store';
import { say } from './words';

const STEP_PART = 0.01;
const LEAP_PART = 0.1;
const HALF = 0.5;
const QUARTER = 0.25;
const NEAR_PART = 0.002;

export interface KeyboardTarget {
  readonly lanes: LanesScene;
  readonly ids: readonly number[];
  readonly go: (ms: number) => void;
  readonly pick: () => void;
  readonly mark: (side: 'in' | 'out', ms: number) => void;
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
  if (event.ctrlKey) void goToEdge(target, from, direction);
  else put(target, from + direction * Math.max(spanMs * (event.shiftKey ? LEAP_PART : STEP_PART), SECOND_MS / 10));
}

/** To where footage begins or ends: of what is shown and known, else however far away. */
async function goToEdge(target: KeyboardTarget, fromMs: number, direction: 1 | -1): Promise<void> {
  const id = cursor.peek()?.id ?? target.ids[0];
  if (id === undefined) return;
  const edgeMs = target.lanes.edge(id, fromMs, direction) ?? (await target.lanes.farEdge(id, fromMs, direction));
  if (edgeMs !== null) put(target, edgeMs);
}

/** Where footage has just ended its last frame is meant: the edge itself lies in the gap already. */
function play(target: KeyboardTarget): void {
  const ms = placeMs();
  const id = cursor.peek()?.id ?? null;
  target.go(id === null ? ms : target.lanes.snapped(id, ms, 1));
}

/** See a gap as a whole; of footage a quarter of the time that is shown. */
export function enlarge(lanes: LanesScene, id: number | null, ms: number, nearMs: number): void {
  const gap = id === null ? null : lanes.gapAt(id, ms, nearMs);
  if (gap) showStretch(gap.startMs, gap.endMs);
  else zoom(QUARTER, ms, true);
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
  z: ({ lanes, ids }) =>
    enlarge(lanes, cursor.peek()?.id ?? ids[0] ?? null, placeMs(), NEAR_PART * spanOf(view.peek())),
  Enter: play,
  Escape: () => {
    cursor.value = null;
  },
};

/** With a cursor the marks are set at it; without one the page's own keys set them at what the player shows. */
const MARKS: Record<string, Act> = {
  '[': ({ mark }) => mark('in', placeMs()),
  ']': ({ mark }) => mark('out', placeMs()),
};

/** Do what a key says; false where it says nothing. */
export function press(target: KeyboardTarget, event: KeyboardEvent): boolean {
  if (event.altKey || event.metaKey || (event.ctrlKey && !event.key.startsWith('Arrow'))) return false;
  const key = latinKey(event);
  const act = ACTS[key] ?? (cursor.peek() ? MARKS[key] : undefined);
  if (!act || (key === 'Escape' && !cursor.peek())) return false;
  act(target, event);
  return true;
}

/** The keys of the lanes, as they are told of; the lanes hear them. */
export const laneHints = (): KeyHint[] => [
  { keys: 'ArrowLeft ArrowRight', hint: say('keyCursor') },
  { keys: 'shift+ArrowLeft shift+ArrowRight', hint: say('keyFurther') },
  { keys: 'ctrl+ArrowLeft ctrl+ArrowRight', hint: say('keyEdge') },
  { keys: 'ArrowUp ArrowDown', hint: say('keyLane') },
  { keys: 'Enter', hint: say('keyPlay') },
  { keys: 'z', hint: say('keyGap') },
  { keys: '[ ]', hint: say('keyMarks') },
  { keys: 'PageUp PageDown', hint: say('keyPages') },
  { keys: 'Home End', hint: say('keyEnds') },
  { keys: 'Escape', hint: say('keyLeave') },
];

/** Those of the handles on the ruler. */
export const handleHints = (): KeyHint[] => [
  { keys: 'ArrowLeft ArrowRight', hint: say('keyMove') },
  { keys: 'shift+ArrowLeft shift+ArrowRight', hint: say('keyFurther') },
  { keys: 'PageUp PageDown', hint: say('keyTenth') },
  { keys: 'Home End', hint: say('keyViewEnds') },
  { keys: 'Escape', hint: say('keyPutBack') },
];
