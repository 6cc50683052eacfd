/**
 * Where the timeline looks: but for an address that is taken, it alone writes `moment.view`. It follows the clock, or the
 * player, or stays; what is asked for by a button or a key is glided to, what a hand does is done at once.
 */
import { effect, signal } from '@preact/signals';
import { nowMs } from '../instants';
import { clockMs, isLive, isPlaying, isScrubbing, rate, view } from '../moment';
import { around, between, bounded, following, isWithin, panned, revealed, spanOf, type View, zoomed } from './scale';

const GLIDE_MS = 180;
const TURN_AT = 0.98; // the player has run to the right edge
const LEAP_MS = 3000; // at 1x; playing goes no such way between two looks
const AROUND_PART = 0.3;
const LEAST_AROUND_MS = 5000;
const TURNED_PART = 0.1; // and is then so far from the left one

/** Whether the view moves with the clock. */
export const isFollowing = signal(isAtNow(view.peek()));

let written = view.peek();
let glide: { from: View; to: View; beganMs: number } | null = null;
let frame = 0;

function isAtNow(one: View): boolean {
  const behindMs = nowMs() - one.endMs;
  return behindMs <= 0 && -behindMs < spanOf(one) * 0.1;
}

function write(one: View): void {
  written = one;
  view.value = one;
}

/** Where a glide leads to, else what is shown. */
const aim = (): View => glide?.to ?? view.peek();

/** Show a view; `isFollowed` where it is to stay at the clock. */
export function show(to: View, { isGliding = false, isFollowed = false } = {}): void {
  isFollowing.value = isFollowed;
  const target = isFollowed ? to : bounded(to, nowMs());
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  if (!isGliding || isCalm) {
    glide = null;
    write(target);
  } else {
    glide = { from: view.peek(), to: target, beganMs: performance.now() };
    frame ||= requestAnimationFrame(glideOn);
  }
}

function glideOn(): void {
  frame = 0;
  if (!glide) return;
  const part = Math.min((performance.now() - glide.beganMs) / GLIDE_MS, 1);
  const { from, to } = glide;
  if (part >= 1) glide = null;
  write(part >= 1 ? to : between(from, to, part));
  if (glide) frame = requestAnimationFrame(glideOn);
}

/** A following view that is zoomed goes on following: its newest moment stays where it is. */
export function zoom(factor: number, anchorMs: number | null, isGliding = false): void {
  const from = aim();
  if (isFollowing.peek() && (anchorMs === null || !isWithin(view.peek(), anchorMs))) {
    const middle = zoomed(from, factor, nowMs(), nowMs());
    show(following(spanOf(middle), nowMs()), { isGliding, isFollowed: true });
    return;
  }
  show(zoomed(from, factor, anchorMs ?? (from.startMs + from.endMs) / 2, nowMs()), { isGliding });
}

export function pan(byMs: number, isGliding = false): void {
  show(panned(aim(), byMs, nowMs()), { isGliding });
}

/** Show so long a time around a moment; null: around what is shown. */
export function setSpan(spanMs: number, anchorMs: number | null): void {
  zoom(spanMs / spanOf(aim()), anchorMs, true);
}

export function goToNow(): void {
  show(following(spanOf(aim()), nowMs()), { isGliding: true, isFollowed: true });
}

export function center(ms: number): void {
  show(around(ms, spanOf(aim()), nowMs()), { isGliding: true });
}

/** Show a stretch as a whole, with something of what lies before and after it. */
export function showStretch(startMs: number, endMs: number): void {
  const aroundMs = Math.max((endMs - startMs) * AROUND_PART, LEAST_AROUND_MS);
  show({ startMs: startMs - aroundMs, endMs: endMs + aroundMs }, { isGliding: true });
}

/** Bring a moment into sight, if it is not. */
export function reveal(ms: number): void {
  const to = revealed(aim(), ms, nowMs());
  if (to !== aim()) show(to, { isGliding: true });
}

/** Move on with the clock; called again and again while the view follows. */
export function follow(): void {
  if (isFollowing.peek() && !glide) write(following(spanOf(view.peek()), nowMs()));
}

/** The player went elsewhere, by a key or by itself: look there, unless somebody looks at another time while it plays. */
function look(ms: number, wasMs: number | null): void {
  if (isWithin(aim(), ms)) return;
  if (isLive.peek()) goToNow();
  else if (!isPlaying.peek() || wasMs === null || isWithin(aim(), wasMs)) center(ms);
}

/** Keep the player's moment in sight, and see when others choose a view. Returns what ends it. */
export function steer(): () => void {
  let beforeMs = clockMs.peek();
  const endTurning = effect(() => {
    const atMs = clockMs.value;
    const shown = view.peek();
    const [was, spanMs] = [beforeMs, spanOf(shown)];
    beforeMs = atMs;
    if (atMs === null || isScrubbing.peek()) return; // what is looked at lies under the hand
    if (was === null || Math.abs(atMs - was) > LEAP_MS * Math.max(1, Math.abs(rate.peek()))) return look(atMs, was);
    if (isFollowing.peek() || !isPlaying.peek() || glide) return;
    const edgeMs = shown.startMs + TURN_AT * spanMs;
    const hasRunOut = isWithin(shown, was) && was < edgeMs && atMs >= edgeMs && atMs - was < spanMs / 2;
    if (hasRunOut) pan(atMs - TURNED_PART * spanMs - shown.startMs, true);
  });
  const endWatching = effect(() => {
    const shown = view.value;
    if (shown === written) return;
    written = shown; // an address was opened
    glide = null;
    isFollowing.value = isAtNow(shown);
  });
  return () => {
    endTurning();
    endWatching();
    cancelAnimationFrame(frame);
    frame = 0;
    glide = null;
  };
}
