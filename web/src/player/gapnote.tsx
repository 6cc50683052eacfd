/** What stands in the place of a picture where its camera has nothing: why, and until when. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { ApiError } from '../api/call';
import { type Gap, gaps } from '../api/footage';
import { causeText } from '../causes';
import { momentText, nowMs } from '../instants';
import { clockMs } from '../moment';
import type { Conductor } from './conductor';
import { say } from './words';

const AROUND_MS = 43_200_000;

/** A gap, and whether it ends where it says: one that is longer than what was asked for is cut off there. */
type Found = Gap & { isWhole: boolean };

/** The gap of a camera at the clock; asked for once for each gap. */
function useGap(id: number) {
  const found = useSignal<Found | null>(null);
  const asking = useRef(false);
  useSignalEffect(() => {
    const ms = clockMs.value;
    const known = found.peek();
    if (ms === null || asking.current || (known && known.startMs <= ms && ms < known.endMs)) return;
    asking.current = true;
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

export function GapNote({ id, conductor }: { id: number; conductor: Conductor }) {
  const gap = useGap(id);
  const until = conductor.footageAfter(id) ?? (gap?.isWhole ? gap.endMs : null);
  return (
    <div class="player-gap">
      <p class="player-gap-title">{say('nothing')}</p>
      {gap && <p>{causeText(gap.cause)}</p>}
      {until !== null && <p>{say('until', { moment: momentText(until, clockMs.peek() ?? until) })}</p>}
    </div>
  );
}
