/** The keys of a page. They are not heard while somebody types, nor where a dialog is open. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

export interface KeyHint {
  /** As KeyboardEvent.key has it; several that do the same are divided by a blank. `shift+` in front where meant. */
  keys: string;
  hint: string;
  act: (event: KeyboardEvent) => void;
}

/** What the keys of all that is shown do: the list behind `?`. */
export const keyHints = signal<KeyHint[]>([]);

const TYPING =
  'input:not([type=range], [type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable]';
const OWN_KEYS = '[data-own-keys]'; // an element that gives arrows and the like a meaning of its own

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

/** The key of a keyboard with Latin letters at the same place: on a Russian one `[` is `х`, and `f` is `а`. */
export function latinKey({ key, code, shiftKey }: Pick<KeyboardEvent, 'key' | 'code' | 'shiftKey'>): string {
  if (key.length > 1 || key <= '~') return key;
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter) return shiftKey ? letter : letter.toLowerCase();
  return PLACES[code]?.[Number(shiftKey)] ?? key;
}

function isMeant(event: KeyboardEvent, keys: string): boolean {
  const key = latinKey(event);
  const name = `${event.shiftKey && key.length > 1 ? 'shift+' : ''}${key === ' ' ? 'space' : key}`;
  return keys.split(' ').some((one) => one === name || one.toLowerCase() === name);
}

/**
 * Hear keys for as long as the component is shown. `hints` is asked anew at each press, so that it may close over
 * what is drawn.
 */
export function useKeys(hints: KeyHint[]): void {
  useEffect(() => {
    keyHints.value = [...keyHints.peek(), ...hints];
    const hear = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isElsewhere(event) || isPress(event)) return;
      const isOwn = event.target instanceof Element && event.target.closest(OWN_KEYS);
      if (isOwn && /^(Arrow|Home|End|Page|Enter| )/.test(event.key)) return;
      const hint = hints.find((one) => isMeant(event, one.keys));
      if (!hint) return;
      event.preventDefault();
      hint.act(event);
    };
    addEventListener('keydown', hear);
    return () => {
      removeEventListener('keydown', hear);
      keyHints.value = keyHints.peek().filter((one) => !hints.includes(one));
    };
  }, [hints]);
}
