/** The stretch of time that is shown, and how it lies on the screen: pure functions of milliseconds and CSS pixels. */

import { DAY_MS, FIRST_MS, SECOND_MS } from '../lengths';

/** What the timeline shows: [startMs, endMs). */
export interface View {
  readonly startMs: number;
  readonly endMs: number;
}

/** A few seconds show single frames' neighbourhoods; more than a year and a month says nothing on a screen. */
export const LEAST_MS = 10 * SECOND_MS;
export const MOST_MS = 400 * DAY_MS;
/** How much of the view may lie in the future: so much that what comes next has room. */
const FUTURE_PART = 0.5;

export const spanOf = (view: View): number => view.endMs - view.startMs;

export function xOf(view: View, width: number, ms: number): number {
  return ((ms - view.startMs) / spanOf(view)) * width;
}

export function msOf(view: View, width: number, x: number): number {
  return view.startMs + (x / width) * spanOf(view);
}

export const isWithin = (view: View, ms: number): boolean => view.startMs <= ms && ms < view.endMs;

/** Return the view moved and resized as little as it takes to be allowed. */
export function bounded(view: View, nowMs: number): View {
  const spanMs = Math.min(Math.max(spanOf(view), LEAST_MS), MOST_MS);
  const middleMs = (view.startMs + view.endMs) / 2;
  const wantedMs = spanMs === spanOf(view) ? view.startMs : middleMs - spanMs / 2;
  const startMs = Math.max(Math.min(wantedMs, nowMs + FUTURE_PART * spanMs - spanMs), FIRST_MS);
  return { startMs, endMs: startMs + spanMs };
}

/** Return the view with `factor` times its length; what is shown at `anchorMs` stays where it is. */
export function zoomed(view: View, factor: number, anchorMs: number, nowMs: number): View {
  const spanMs = Math.min(Math.max(spanOf(view) * factor, LEAST_MS), MOST_MS);
  const startMs = anchorMs - ((anchorMs - view.startMs) / spanOf(view)) * spanMs;
  return bounded({ startMs, endMs: startMs + spanMs }, nowMs);
}

export function panned(view: View, byMs: number, nowMs: number): View {
  return bounded({ startMs: view.startMs + byMs, endMs: view.endMs + byMs }, nowMs);
}

/** Return a view of this length in whose middle a moment lies. */
export function around(ms: number, spanMs: number, nowMs: number): View {
  return bounded({ startMs: ms - spanMs / 2, endMs: ms + spanMs / 2 }, nowMs);
}

/** Return the view in which a moment can be seen: itself, or one whose middle the moment is. */
export function revealed(view: View, ms: number, nowMs: number): View {
  const marginMs = spanOf(view) * 0.02;
  const isSeen = ms >= view.startMs + marginMs && ms <= view.endMs - marginMs;
  return isSeen ? view : around(ms, spanOf(view), nowMs);
}

/** Return the view that ends a little after now, so that the newest footage is seen coming. */
export function following(spanMs: number, nowMs: number): View {
  const endMs = nowMs + spanMs * 0.04;
  return { startMs: endMs - spanMs, endMs };
}

/** Return a view on the way: zooming feels even where lengths change by equal factors in equal times. */
export function between(from: View, to: View, part: number): View {
  const left = (1 - part) ** 3;
  const done = 1 - left;
  const spanMs = Math.exp(Math.log(spanOf(from)) * left + Math.log(spanOf(to)) * done);
  const change = spanOf(to) - spanOf(from);
  // The point that stays where it is on the screen while the length changes; without one the view slides.
  const share = Math.abs(change) > 1 ? (spanMs - spanOf(from)) / change : done;
  const startMs = from.startMs + (to.startMs - from.startMs) * share;
  return { startMs, endMs: startMs + spanMs };
}

const EDGE_PX = 40;
const FASTEST = 0.9; // views in a second, at the edge

/** Return by how many views in a second the view moves on while a handle is held there: below 0 to earlier times. */
export function pushAt(x: number, width: number): number {
  const edgePx = Math.min(EDGE_PX, width / 4);
  const deep = Math.max(edgePx - x, x - (width - edgePx), 0) / edgePx;
  return (x < width / 2 ? -1 : 1) * Math.min(deep, 1) ** 2 * FASTEST;
}
