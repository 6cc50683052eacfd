/** What stands in the place of a picture where its camera has nothing: why, and until when. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError } from '../api/call';
import { type Gap, gaps } from '../api/footage';
import { causeText } from '../causes';
import { momentText, nowMs } from '../instants';
import { clockMs } from '../moment';
import type { Conductor } from './conductor';
import { say } from './words';

const AROUND_MS = 43_200_000;
/** Footage is deleted, and fetched later: a gap is believed for so long. */
const AGAIN_MS = 10_000;

/** A gap, and whether it ends where it says: one that is longer than what was asked for is cut off there. */
type Found = Gap & { isWhole: boolean };

/** The gap of a camera at the clock; asked for anew now and then. */
function useGap(id: number) {
  const found = useSignal<Found | null>(null);
  const asking = useRef(false);
  const askedMs = useRef(0);
  const turn = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => (turn.value += 1), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  useSignalEffect(() => {
    void turn.value; // the clock may stand still
    const ms = clockMs.value;
    const known = found.peek();
    const isHere = known !== null && ms !== null && known.startMs <= ms && ms < known.endMs;
    if (ms === null || asking.current || (isHere && performance.now() - askedMs.current < AGAIN_MS)) return;
    asking.current = true;
    askedMs.current = performance.now();
    const toMs = Math.min(ms + AROUND_MS, nowMs());
    gaps(id, ms - AROUND_MS, toMs)
      .then(
        (list) => {
          const gap = list.find((one) => one.startMs <= ms && ms < one.endMs);
          found.value = gap ? { ...gap, isWhole: gap.endMs < toMs } : null;
        },
        (error) => {
          if (!(error instanceof ApiError)) throw error; // without its cause the gap is still one
        },
      )
      .finally(() => setTimeout(() => (asking.current = false), 2000));
  });
  return found.value;
}

/** Until when there is nothing. What the player knows of later footage may have been deleted since: the gap counts. */
function untilOf(gap: Found | null, footageMs: number | null): number | null {
  if (gap?.isWhole) return gap.endMs;
  return gap && footageMs !== null && footageMs >= gap.endMs ? footageMs : null;
}

export function GapNote({ id, conductor }: { id: number; conductor: Conductor }) {
  const gap = useGap(id);
  const until = untilOf(gap, conductor.footageAfter(id));
  return (
    <div class="player-gap">
      <p class="player-gap-title">{say('nothing')}</p>
      {gap && <p>{causeText(gap.cause)}</p>}
      {until !== null && <p>{say('until', { moment: momentText(until) })}</p>}
    </div>
  );
}
