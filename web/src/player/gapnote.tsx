/** What stands in the place of a picture where its camera has nothing: why, and until when. */

import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
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
/** Footage is deleted, and fetched later: a gap is believed for so long. */
const AGAIN_MS = 10_000;

/** A gap, when all gaps end that follow it without footage between (null: later than `toMs`), and how far was asked. */
type Found = Gap & { untilMs: number | null; toMs: number };

/** Where the gaps end that follow one another from this one on. */
function endOf(gap: Gap, list: readonly Gap[]): number {
  return list.reduce((endMs, one) => (one.startMs <= endMs ? Math.max(endMs, one.endMs) : endMs), gap.endMs);
}

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
          const endMs = gap ? endOf(gap, list) : toMs;
          found.value = gap ? { ...gap, untilMs: endMs < toMs ? endMs : null, toMs } : null;
        },
        (error) => {
          if (!(error instanceof ApiError)) throw error; // without its cause the gap is still one
        },
      )
      .finally(() => setTimeout(() => (asking.current = false), 2000));
  });
  return found.value;
}

/**
 * Until when there is nothing. What the player knows of later footage may have been deleted since: the gap counts, once
 * it has been asked for.
 */
function untilOf(gap: Found | null, footageMs: number | null): number | null {
  if (gap === null) return footageMs;
  if (gap.untilMs !== null) return gap.untilMs;
  return footageMs !== null && footageMs >= gap.toMs ? footageMs : null;
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
  const until = untilOf(gap, conductor.footageAfter(id));
  return (
    <div class="player-gap">
      <div class="player-gap-said">
        <p class="player-gap-title">{say('nothing')}</p>
        {gap && <p>{causeText(gap.cause)}</p>}
        {until !== null && until > conductor.ms && (
          <p>{say('until', { moment: momentText(until, clockMs.peek() ?? until) })}</p>
        )}
      </div>
      <p class="player-gap-ways">
        <Button icon="frameBack" title={say('lastFrame')} onClick={() => void leave(id, conductor, true)}>
          <span>{say('lastFrame')}</span>
        </Button>
        <Button icon="frameOn" title={say('firstFrame')} onClick={() => void leave(id, conductor, false)}>
          <span>{say('firstFrame')}</span>
        </Button>
      </p>
    </div>
  );
}
