/** Where a step of one frame leads to. */

import { LAST_FRAME_MS } from '../lengths';
import type { Channel } from './channel';
import type { Shelf } from './shelf';

/** Two frames are no further apart, unless something is between them that is not loaded. */
const FAR_STEP_MS = 3000;
const AT_EDGE_MS = 1500;

/** The frame of a camera that is next to an instant; `by` is 1 or -1; null: it is waited for. */
export function stepTarget(leader: Channel, shelf: Shelf, ms: number, by: number): number | null {
  // In a gap the frame before it is the last one that was shown.
  const to = leader.frameFrom(ms, by < 0 && leader.status(ms) === 'gap' ? 0 : by);
  const isNear = to !== null && Math.abs(to - ms) <= FAR_STEP_MS;
  return isNear ? to : overGap(leader, shelf, ms, by);
}

/** Where footage goes on behind a gap; null: what is next is not loaded yet. */
function overGap(leader: Channel, shelf: Shelf, ms: number, by: number): number | null {
  const span = shelf.spanAt(ms);
  if (span && !leader.isLoadedWithin(Math.max(span.startMs, ms - AT_EDGE_MS), Math.min(span.endMs, ms + AT_EDGE_MS)))
    return null; // what is left of the footage is still to come
  const isAtEdge = !span || (by > 0 ? span.endMs - ms < AT_EDGE_MS : ms - span.startMs < AT_EDGE_MS);
  const next = by > 0 ? shelf.spanAfter(ms) : shelf.spanBefore(ms);
  if (!isAtEdge || (leader.isLoaded(ms) && leader.frameAt(ms) === null)) return null;
  if (!next || !shelf.isKnown(ms)) return null;
  return by > 0 ? next.startMs : next.endMs - LAST_FRAME_MS;
}
