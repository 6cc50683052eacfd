/** Which frames of several cameras are of one instant, as far as they have come. */

import type { Interval } from './intervals';

/** Wall times of frames are right to a millisecond: what is less apart meets. */
const MEETING_MS = 2;

type Frames = readonly Interval[];

/**
 * Choose what is shown next of cameras whose frames are given, rising, the first of each being the one that is seen:
 * one index each, for the latest instant at which every camera has a frame. Where frames are missing those do that are
 * `apartMs` apart from end to begin, 0 being two frames next to each other. Null: nothing new that fits.
 */
export function pickTogether(cameras: readonly Frames[], apartMs: number): number[] | null {
  const commonMs = Math.min(...cameras.map((frames) => frames.at(-1)?.endMs ?? -Infinity));
  const ends = new Set(cameras.flatMap((frames) => frames.map((one) => one.endMs).filter((end) => end <= commonMs)));
  let found: number[] | null = null;
  for (const end of [...ends].sort((a, b) => b - a)) {
    const picked = cameras.map((frames) => nearest(frames, end - MEETING_MS));
    if (picked.every((at) => at === 0)) break;
    const apart = apartOf(cameras, picked);
    if (apart < -MEETING_MS) return picked;
    if (found === null && apart <= apartMs + MEETING_MS) found = picked;
  }
  return found;
}

/** The frame that is shown at an instant, or the one next to it. */
function nearest(frames: Frames, ms: number): number {
  const away = frames.map((one) => Math.max(one.startMs - ms, ms - one.endMs, 0));
  return away.indexOf(Math.min(...away));
}

/** How long after the end of the first frame the last one begins; below 0 they are of one instant. */
function apartOf(cameras: readonly Frames[], picked: readonly number[]): number {
  const shown = cameras.flatMap((frames, at) => frames[picked[at] ?? 0] ?? []);
  return Math.max(...shown.map((one) => one.startMs)) - Math.min(...shown.map((one) => one.endMs));
}
