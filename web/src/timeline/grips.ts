/** What happens while the moment shown, or a mark, is moved by a hand or by keys: the player shows it, and so does the tip. */
import { nowMs } from '../instants';
import { SECOND_MS } from '../lengths';
import { chosen, clockMs, isLive, isPlaying, isScrubbing, type Marks, marks, player, rate, view } from '../moment';
import type { Grip } from './dragging';
import { laneAt } from './lanes';
import { lanes } from './layout';
import { goToNow, isFollowing, show } from './steering';
import { cursor, type Held, held } from './store';

/** So near to now live is meant. */
export const NOW_MS = 2 * SECOND_MS;

export type End = keyof Marks;

/** Play a moment; what is nearly now is live. */
export function playAt(ms: number): void {
  if (ms > nowMs() - NOW_MS) player.goLive();
  else player.goTo(ms);
}

/** How the player and the view were before something was moved. */
interface Before {
  readonly ms: number | null;
  readonly isLive: boolean;
  readonly isPlaying: boolean;
  readonly rate: number;
  readonly view: { startMs: number; endMs: number };
  readonly isFollowing: boolean;
  readonly marks: Marks;
}

let before: Before | null = null;

/** Hold everything else still: the pictures stand, and the view does not run away under the hand. */
function begin(): void {
  before = {
    ms: clockMs.peek(),
    isLive: isLive.peek(),
    isPlaying: isPlaying.peek(),
    rate: rate.peek(),
    view: view.peek(),
    isFollowing: isFollowing.peek(),
    marks: marks.peek(),
  };
  isScrubbing.value = true;
  if (before.isPlaying) player.pause();
  show(before.view);
}

function look(what: Held['what'], ms: number, y: number): void {
  held.value = { what, ms };
  const id = laneAt(lanes.peek(), y)?.id ?? cursor.peek()?.id ?? chosen.peek()[0] ?? null;
  cursor.value = { ms, id, isByKey: false };
  if (before?.ms !== null) player.scrub(ms);
}

function finish(): void {
  held.value = null;
  cursor.value = null;
  isScrubbing.value = false;
}

/** Play on as before. */
function goOn({ isPlaying: wasPlaying, rate: wasRate }: Before): void {
  if (!wasPlaying) return;
  if (rate.peek() !== wasRate) player.setRate(wasRate);
  player.play();
}

/** Let the player show again what it showed. */
function goBack(was: Before): void {
  if (was.isLive) player.goLive();
  else if (was.ms !== null) {
    player.goTo(was.ms);
    goOn(was);
  }
}

function putBack(): void {
  const was = before;
  if (was) {
    marks.value = was.marks;
    goBack(was);
  }
  finish();
  if (!was) return;
  if (was.isFollowing) goToNow();
  else show(was.view, { isGliding: true });
}

/** Move a mark; the marks never change places. */
export function moveMark(end: End, ms: number): void {
  const { inMs, outMs } = marks.peek();
  const free = Math.min(ms, nowMs());
  if (end === 'inMs') marks.value = { inMs: outMs === null ? free : Math.min(free, outMs), outMs };
  else marks.value = { inMs, outMs: inMs === null ? free : Math.max(free, inMs) };
}

/** The moment shown: where it is let go of, the player goes on. */
export const playheadGrip: Grip = {
  take: begin,
  move: (ms, y) => look('playhead', ms, y),
  drop: (ms) => {
    finish();
    playAt(ms);
    if (before && !isLive.peek()) goOn(before);
  },
  putBack,
};

/** A mark: the player shows where it is, and goes back to what it showed. */
export const markGrip = (end: End): Grip => ({
  take: begin,
  move: (ms, y) => {
    moveMark(end, ms);
    look(end, marks.peek()[end] ?? ms, y);
  },
  drop: (ms) => {
    moveMark(end, ms);
    if (before) goBack(before);
    finish();
  },
  putBack,
});
