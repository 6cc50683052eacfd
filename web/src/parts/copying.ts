/** Putting a text on the clipboard, also over plain HTTP, where browsers have none for pages. */
import { toast } from './toasts';
import { say } from './words';

/** Copy what stands in a field, and tell whether it was; where the browser refuses the field is left selected. */
async function copyOf(field: HTMLInputElement): Promise<boolean> {
  const before = document.activeElement;
  field.focus();
  field.select();
  if (!navigator.clipboard) {
    const isCopied = document.execCommand('copy'); // old, and all there is without TLS
    if (isCopied && before instanceof HTMLElement) before.focus();
    return isCopied;
  }
  try {
    await navigator.clipboard.writeText(field.value);
    if (before instanceof HTMLElement) before.focus();
    return true;
  } catch (error) {
    if (error instanceof DOMException) return false; // its rules or somebody forbid it
    throw error;
  }
}

/** Copy what stands in a field, and say how it went. */
export async function sayCopied(field: HTMLInputElement): Promise<void> {
  if (await copyOf(field)) toast(say('copied'));
  else toast(say('notCopied'), 'danger');
}
