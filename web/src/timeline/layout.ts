/** How high the lanes are here and now: by what somebody chose, by their number, and by the window. */
import { computed, effect, signal } from '@preact/signals';
import { laneIds } from '../moment';
import { LANE_CHOICES, type LaneChoice, laneHeightOf, lanesOf } from './lanes';

const KEPT = 'timeline-lanes';
const fingers = matchMedia('(pointer: coarse)');
const windowPx = signal(innerHeight);
const isCoarse = signal(fingers.matches);

/** Kept by the browser: a wall screen is another place than a desk. */
export const laneChoice = signal<LaneChoice>(LANE_CHOICES.find((one) => one === localStorage.getItem(KEPT)) ?? 'auto');
effect(() => localStorage.setItem(KEPT, laneChoice.value));

/** The lanes of the cameras that are shown, in order. */
export const lanes = computed(() => {
  const ids = laneIds.value;
  return lanesOf(ids, laneHeightOf(ids.length, laneChoice.value, windowPx.value, isCoarse.value));
});

/** Keep to the window while the timeline is shown. Returns what ends it. */
export function watchWindow(): () => void {
  const measure = () => {
    windowPx.value = innerHeight;
    isCoarse.value = fingers.matches;
  };
  measure();
  addEventListener('resize', measure);
  fingers.addEventListener('change', measure);
  return () => {
    removeEventListener('resize', measure);
    fingers.removeEventListener('change', measure);
  };
}
