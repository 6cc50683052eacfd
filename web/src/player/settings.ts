/** What the player remembers from visit to visit. */

import { effect, signal } from '@preact/signals';

function kept<T>(name: string, first: T, isGood: (value: unknown) => value is T) {
  let value: unknown = null;
  try {
    value = JSON.parse(localStorage.getItem(name) ?? 'null');
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const found = signal<T>(isGood(value) ? value : first);
  effect(() => localStorage.setItem(name, JSON.stringify(found.value)));
  return found;
}

const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;

/** Does the clock jump over stretches in which no camera has footage? */
export const jumpsGaps = kept('player.jumps', true, isBoolean);
/** From 0 to 1. */
export const volume = kept('player.volume', 0.8, isShare);
/** Browsers let no page make sound before somebody has used it: this is not remembered. */
export const isSoundOn = signal(false);
/** Faster than this no video is decoded: pictures are shown instead. */
export const MOST_VIDEO_RATE = 4;
