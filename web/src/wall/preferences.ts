/** How this browser's user likes the wall; kept in the browser, for a wall screen is another place than a desk. */
import { effect, signal } from '@preact/signals';
import { ORDERS, type Order } from './sections';

export const WIDTHS_PX = { least: 120, usual: 280, most: 960 } as const;

export interface Preferences {
  /** The least width of a tile in CSS pixels. */
  widthPx: number;
  order: Order;
  own: number[];
  /** Keys of sections: whole, and of which only the heading is shown. */
  hidden: string[];
  folded: string[];
}

const KEPT = 'wall';

function listOf<T>(value: unknown, isOne: (one: unknown) => one is T): T[] {
  return Array.isArray(value) ? value.filter(isOne) : [];
}
const isText = (one: unknown): one is string => typeof one === 'string';
const isId = (one: unknown): one is number => Number.isInteger(one);

/** What was kept, whatever another version or a hand has made of it. */
export function preferencesOf(text: string | null): Preferences {
  let kept: Record<string, unknown> = {};
  try {
    const read: unknown = JSON.parse(text ?? '{}');
    if (read && typeof read === 'object') kept = read as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const widthPx = Number(kept.widthPx) || WIDTHS_PX.usual;
  return {
    widthPx: Math.min(WIDTHS_PX.most, Math.max(WIDTHS_PX.least, widthPx)),
    order: ORDERS.find((one) => one === kept.order) ?? 'name',
    own: listOf(kept.own, isId),
    hidden: listOf(kept.hidden, isText),
    folded: listOf(kept.folded, isText),
  };
}

export const preferences = signal<Preferences>(
  preferencesOf(typeof localStorage === 'undefined' ? null : localStorage.getItem(KEPT)),
);
effect(() => {
  if (typeof localStorage !== 'undefined') localStorage.setItem(KEPT, JSON.stringify(preferences.value));
});

export function prefer(change: Partial<Preferences>): void {
  preferences.value = { ...preferences.peek(), ...change };
}

/** Take a key into a list, or out of it. */
export const toggled = (keys: string[], key: string): string[] =>
  keys.includes(key) ? keys.filter((one) => one !== key) : [...keys, key];
