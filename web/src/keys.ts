/**
 * The keys of a page. They are not heard while somebody types, nor where a dialog is open. Letters and signs are meant
 * as they stand on the key, and on keyboards without Latin letters by their place.
 */
import { signal } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';

export interface KeyHint {
  /** As KeyboardEvent.key has it; several that do the same are divided by a blank. `shift+` in front where meant. */
  keys: string;
  /** In the language of now: whoever keeps hints makes them anew when it changes. */
  hint: string;
  /** Left out: something that has the focus hears the key itself, and it is only told of. */
  act?: (event: KeyboardEvent) => void;
}

/** Keys of one part of the page. */
export interface KeySection {
  /** What they are keys of; empty: of the page. */
  title: string;
  hints: readonly KeyHint[];
}

/** What the keys of all that is shown do: the list behind `?`. */
export const keySections = signal<readonly KeySection[]>([]);

const TYPING =
  'input:not([type=range], [type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable]';
/** Elements that give arrows and the like a meaning of their own. */
const OWN_KEYS = '[data-own-keys], input[type=range], input[type=radio], video[controls], audio[controls]';

function isElsewhere(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  const isTyping = target?.closest(TYPING) ?? null;
  return isTyping !== null || document.querySelector('dialog[open]') !== null || event.defaultPrevented;
}

function isPress(event: KeyboardEvent): boolean {
  const isPressed = event.target instanceof Element && event.target.closest('button, a, summary, [role=button]');
  return Boolean(isPressed) && (event.key === ' ' || event.key === 'Enter');
}

const PLACES: Record<string, string> = {
  BracketLeft: '[{',
  BracketRight: ']}',
  Comma: ',<',
  Period: '.>',
  Slash: '/?',
  Minus: '-_',
  Equal: '=+',
  Backslash: '\\|',
};

type Press = Pick<KeyboardEvent, 'key' | 'code' | 'shiftKey'>;

/**
 * The key of a keyboard with Latin letters at the same place: on a Russian one `[` is `х`, and `f` is `а`. Letters are
 * small unless Shift is held: with the lock for capitals they mean the same.
 */
export function latinKey({ key, code, shiftKey }: Press): string {
  const cased = (letter: string) => (shiftKey ? letter.toUpperCase() : letter.toLowerCase());
  if (/^[a-z]$/i.test(key)) return cased(key);
  if (key.length > 1 || key <= '~') return key;
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  return letter ? cased(letter) : (PLACES[code]?.[Number(shiftKey)] ?? key);
}

/**
 * The keys that a press may mean, what is meant first in front. Cyrillic keyboards have `.` and `,` where Latin ones have
 * `/` and `?`: it is the full stop that stands on the key, and the slash only where a page gives the stop no meaning.
 */
export function meantBy(event: Press): string[] {
  const key = latinKey(event);
  const place = event.code === 'Slash' && /^[.,]$/.test(key) ? (PLACES.Slash?.[Number(event.shiftKey)] ?? key) : key;
  return key === place ? [key] : [key, place];
}

function isNamed(key: string, event: Press, { keys }: KeyHint): boolean {
  const name = `${event.shiftKey && key.length > 1 ? 'shift+' : ''}${key === ' ' ? 'space' : key}`;
  return keys.split(' ').includes(name);
}

/** The key that is meant of those that the page knows; null: it knows none. */
function keyOf(event: KeyboardEvent): string | null {
  const known = keySections.peek().flatMap(({ hints }) => hints.filter(({ act }) => act));
  return meantBy(event).find((key) => known.some((hint) => isNamed(key, event, hint))) ?? null;
}

/** With Ctrl, Alt or the like other programs are meant; but on many keyboards `[` is typed by AltGr. */
const isForOthers = (event: KeyboardEvent): boolean =>
  event.metaKey || ((event.ctrlKey || event.altKey) && !event.getModifierState('AltGraph'));

/** Hear keys for as long as the component is shown; `title` says what they are keys of. */
export function useKeys(hints: readonly KeyHint[], title = ''): void {
  // Not heard any more once it is out of the page, where an effect would hear on until what follows is painted.
  useLayoutEffect(() => {
    const section = { title, hints };
    keySections.value = [...keySections.peek(), section];
    const hear = (event: KeyboardEvent) => {
      if (isForOthers(event) || isElsewhere(event) || isPress(event)) return;
      const isOwn = event.target instanceof Element && event.target.closest(OWN_KEYS);
      if (isOwn && /^(Arrow|Home|End|Page|Enter| )/.test(event.key)) return;
      const key = keyOf(event);
      const hint = key === null ? undefined : hints.find((one) => one.act && isNamed(key, event, one));
      if (!hint?.act) return;
      event.preventDefault();
      hint.act(event);
    };
    addEventListener('keydown', hear);
    return () => {
      removeEventListener('keydown', hear);
      keySections.value = keySections.peek().filter((one) => one !== section);
    };
  }, [hints, title]);
}
