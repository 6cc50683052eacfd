/** What stands in the place of a picture where its camera has nothing: why, and until when. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { ApiError } from '../api/call';
import { type Gap, gaps } from '../api/footage';
import { causeText } from '../causes';
import { momentText, nowMs } from '../instants';
import { LAST_FRAME_MS } from '../lengths';
import { clockMs } from '../moment';
import { Button } from '../parts/button';
import { toast } from '../parts/toasts';
import type { Conductor } from './conductor';
import { findNearest } from './nearest';
import { say } from './words';

const AROUND_MS = 43_200_000;

/** A gap of one cause, and when footage comes again: null where that lies beyond what was asked for. */
type Found = Gap & { untilMs: number | null };

/** Where the gaps end that follow one another from this one on. */
function endOf(gap: Gap, list: readonly Gap[]): number {
  return list.reduce((endMs, one) => (one.startMs <= endMs ? Math.max(endMs, one.endMs) : endMs), gap.endMs);
}

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
          const endMs = gap ? endOf(gap, list) : toMs;
          found.value = gap ? { ...gap, untilMs: endMs < toMs ? endMs : null } : null;
        },
        (error) => {
          if (!(error instanceof ApiError)) throw error; // without its cause the gap is still one
        },
      )
      .finally(() => setTimeout(() => (asking.current = false), 2000));
  });
  return found.value;
}

/** Go to the last frame of the camera before the gap, or the first after it, however far away, and stay there. */
async function leave(id: number, conductor: Conductor, isBack: boolean): Promise<void> {
  try {
    const { beforeMs, afterMs } = await findNearest([id], conductor.ms);
    const toMs = isBack ? beforeMs && beforeMs - LAST_FRAME_MS : afterMs;
    if (toMs === null) return toast(say(isBack ? 'begun' : 'ended'));
    conductor.leader.value = id;
    conductor.pause();
    conductor.goTo(toMs);
  } catch (error) {
    toast((error as Error).message, 'danger');
  }
}

export function GapNote({ id, conductor }: { id: number; conductor: Conductor }) {
  const gap = useGap(id);
  const until = conductor.footageAfter(id) ?? gap?.untilMs ?? null;
  return (
    <div class="player-gap">
      <p class="player-gap-title">{say('nothing')}</p>
      {gap && <p>{causeText(gap.cause)}</p>}
      {until !== null && <p>{say('until', { moment: momentText(until, clockMs.peek() ?? until) })}</p>}
      <p class="player-gap-ways">
        <Button icon="frameBack" onClick={() => void leave(id, conductor, true)}>
          {say('lastFrame')}
        </Button>
        <Button icon="frameOn" onClick={() => void leave(id, conductor, false)}>
          {say('firstFrame')}
        </Button>
      </p>
    </div>
  );
}
