/** Putting a text on the clipboard, also over plain HTTP, where browsers have none for pages. */
import { toast } from './toasts';
import { say } from './words';

/** Copy by a selection of our own: old, and all there is without TLS. It must lie within an open dialog. */
function copySelected(text: string): boolean {
  const field = document.createElement('textarea');
  const before = document.activeElement;
  field.value = text;
  field.style.position = 'fixed'; // nothing scrolls there
  field.setAttribute('aria-hidden', 'true');
  ([...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body).append(field);
  field.select();
  const isCopied = document.execCommand('copy');
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  return isCopied;
}

/** Put a text on the clipboard; false: the browser refuses. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
    return copySelected(text);
  }
}

/** Copy what stands in a field, and say how it went; where the browser refuses, it is left selected. */
export async function sayCopied(field: HTMLInputElement): Promise<void> {
  if (await copyText(field.value)) return toast(say('copied'));
  field.focus();
  field.select();
  toast(say('notCopied'), 'danger');
}
