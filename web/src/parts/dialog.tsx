import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { IconButton } from './button';
import { dialogsOpen, Toasts } from './toasts';
import { say } from './words';

interface DialogProps {
  title: string;
  onClose: () => void;
  isWide?: boolean;
  children: ComponentChildren;
}

/** The first field, or the first of the buttons at the end, which is the one that does nothing. */
const FIRST = [
  'input:not(:disabled, [type=file], [type=radio]:not(:checked))',
  ...['select', 'textarea'].map((name) => `${name}:not(:disabled)`),
  '.dialog-buttons button:not(:disabled)',
].join();

/** A modal dialog: the browser keeps the focus in it and gives it back; Escape and the cross close it. */
export function Dialog({ title, onClose, isWide = false, children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = box.current;
    const before = document.activeElement;
    dialog?.showModal();
    const isAtCross = document.activeElement?.closest('.dialog-head');
    if (isAtCross) dialog?.querySelector<HTMLElement>(FIRST)?.focus();
    dialogsOpen.value = [...dialogsOpen.peek(), id];
    return () => {
      dialogsOpen.value = dialogsOpen.peek().filter((one) => one !== id);
      dialog?.close();
      const next = before?.isConnected ? before : document.querySelector('main'); // its row may be gone
      if (next instanceof HTMLElement) next.focus();
    };
  }, []);
  return (
    <dialog
      ref={box}
      class={isWide ? 'is-wide' : ''}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <IconButton icon="close" label={say('close')} onClick={onClose} />
      </div>
      {children}
      <Toasts within={id} />
    </dialog>
  );
}
