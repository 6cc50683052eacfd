/** What the parts of the timeline share with one another, and with nobody else. */
import { effect, signal } from '@preact/signals';
import type { Marks } from '../moment';
import { LAYER_NAMES, type LayerName } from './layer';

/** Where somebody points: a moment, and a camera's lane; null on the axis. */
export interface Cursor {
  readonly ms: number;
  readonly id: number | null;
  readonly isByKey: boolean;
}

export type Switch = LayerName | 'thumbnails';
export const SWITCHES: readonly Switch[] = [...LAYER_NAMES, 'thumbnails'];

const KEPT = 'timeline-off';

function keptOff(): ReadonlySet<Switch> {
  const named = (localStorage.getItem(KEPT) ?? '').split(' ');
  return new Set(SWITCHES.filter((one) => named.includes(one)));
}

export const cursor = signal<Cursor | null>(null);
/** What is switched off; kept by the browser, so that what a newer version draws is on. */
export const off = signal<ReadonlySet<Switch>>(keptOff());
/** What is held by a hand, or moved by keys, and where it is now. */
export interface Held {
  readonly what: 'playhead' | keyof Marks;
  readonly ms: number;
}
export const held = signal<Held | null>(null);
/** How wide the lanes are, in CSS pixels. */
export const laneWidth = signal(0);
/** Counts drawings with new data: what is said of the moment under the pointer may be another. */
export const news = signal(0);

effect(() => localStorage.setItem(KEPT, [...off.value].join(' ')));

export function toggle(name: Switch): void {
  const changed = new Set(off.peek());
  if (!changed.delete(name)) changed.add(name);
  off.value = changed;
}

export const isOn = (name: Switch): boolean => !off.value.has(name);
