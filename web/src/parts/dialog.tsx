import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
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

/**
 * Show a dialog for as long as its component is there. It is closed while it is still in the page: once it is out of it
 * the browser gives no focus back.
 */
export function useModal(box: { current: HTMLDialogElement | null }): void {
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const dialog = box.current;
    before.current = document.activeElement;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  useEffect(
    () => () => {
      if (!before.current?.isConnected) document.querySelector('main')?.focus(); // its row may be gone
    },
    [],
  );
}

/** A modal dialog: the browser keeps the focus in it and gives it back; Escape and the cross close it. */
export function Dialog({ title, onClose, isWide = false, children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useModal(box);
  useLayoutEffect(() => {
    const isAtCross = document.activeElement?.closest('.dialog-head');
    if (isAtCross) box.current?.querySelector<HTMLElement>(FIRST)?.focus();
    dialogsOpen.value = [...dialogsOpen.peek(), id];
    return () => {
      dialogsOpen.value = dialogsOpen.peek().filter((one) => one !== id);
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
