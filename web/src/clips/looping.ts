/** Plays what lies between the marks in the player, again and again: all cameras in step, at the speed that is set. */
import { effect, signal } from '@preact/signals';
import { clockMs, isScrubbing, marks, player, rate } from '../moment';
import { clipOf } from './marking';

const MOVED_MS = 3000; // who goes further away than this has gone there himself

export const isLooping = signal(false);

/** Begin where the clip begins, or end. */
export function toggleLoop(): void {
  const clip = clipOf(marks.peek());
  isLooping.value = clip !== null && !isLooping.peek();
  if (clip === null || !isLooping.peek()) return;
  player.goTo(clip.startMs);
  player.play();
}

/** Go back to the begin when the end is reached; returns what ends this. Called while the panel is shown. */
export function keepLooping(): () => void {
  let wasWithin = false;
  let lookedMs = performance.now();
  const end = effect(() => {
    const clip = clipOf(marks.value);
    const ms = clockMs.value;
    // Looks come late from a busy browser, or one whose page is hidden: so much further it may have played.
    const now = performance.now();
    const movedMs = MOVED_MS + (now - lookedMs) * Math.max(1, rate.peek());
    lookedMs = now;
    if (!isLooping.value || isScrubbing.value || clip === null || ms === null) {
      wasWithin = false;
      return;
    }
    const isWithin = ms >= clip.startMs - MOVED_MS && ms < clip.endMs;
    if (isWithin) wasWithin = true;
    else if (wasWithin && ms >= clip.endMs && ms < clip.endMs + movedMs) {
      wasWithin = false;
      player.goTo(clip.startMs);
    } else if (wasWithin) isLooping.value = false;
  });
  return () => {
    end();
    isLooping.value = false;
  };
}
