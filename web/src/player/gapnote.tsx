/** What stands in the place of a picture where its camera has nothing: why, and until when. */

import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError } from '../api/call';
import { type Gap, gaps } from '../api/footage';
import { causeText } from '../causes';
import { momentText, nowMs } from '../instants';
import { LAST_FRAME_MS } from '../lengths';
import { clockMs } from '../moment';
import { findNearest } from '../nearest';
import { Button } from '../parts/button';
import { toast } from '../parts/toasts';
import type { Conductor } from './conductor';
import { say } from './words';

const AROUND_MS = 43_200_000;
/** Footage is deleted, and fetched later: a gap is believed for so long. */
const AGAIN_MS = 10_000;
/** From one question to the next, while the clock goes over gaps. */
const REST_MS = 2000;

/** A gap, when all gaps end that follow it without footage between (null: later than `toMs`), and how far was asked. */
type Found = Gap & { untilMs: number | null; toMs: number };

/** Where the gaps end that follow one another from this one on. */
function endOf(gap: Gap, list: readonly Gap[]): number {
  return list.reduce((endMs, one) => (one.startMs <= endMs ? Math.max(endMs, one.endMs) : endMs), gap.endMs);
}

const holds = ({ startMs, endMs }: Gap, ms: number): boolean => startMs <= ms && ms < endMs;

/** The gap of a camera at an instant; null: none. Raises ApiError. */
async function findGap(id: number, ms: number): Promise<Found | null> {
  const toMs = Math.min(ms + AROUND_MS, nowMs());
  const list = await gaps(id, ms - AROUND_MS, toMs);
  const gap = list.find((one) => holds(one, ms));
  if (!gap) return null;
  const endMs = endOf(gap, list);
  return { ...gap, untilMs: endMs < toMs ? endMs : null, toMs };
}

/** The gap of a camera at the clock; asked for anew now and then. */
function useGap(id: number) {
  const found = useSignal<Found | null>(null);
  const isAsking = useSignal(false);
  const asked = useRef({ atMs: 0, ofMs: Number.NaN });
  const turn = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => (turn.value += 1), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  useSignalEffect(() => {
    void turn.value; // the clock may stand still
    const ms = clockMs.value;
    const known = found.peek();
    if (ms === null || isAsking.value) return; // it runs again when the answer is there: the clock may have gone on
    const isHere = asked.current.ofMs === ms || (known !== null && holds(known, ms));
    if (isHere && performance.now() - asked.current.atMs < AGAIN_MS) return;
    isAsking.value = true;
    asked.current = { atMs: performance.now(), ofMs: ms };
    findGap(id, ms)
      .then(
        (gap) => {
          found.value = gap;
        },
        (error) => {
          if (!(error instanceof ApiError)) throw error; // without its cause the gap is still one
        },
      )
      .finally(() =>
        setTimeout(() => {
          isAsking.value = false;
        }, REST_MS),
      );
  });
  // What was found is of the clock then: it tells nothing of a gap to which one has gone since.
  return useComputed(() =>
    found.value && clockMs.value !== null && holds(found.value, clockMs.value) ? found.value : null,
  ).value;
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
