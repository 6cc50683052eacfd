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

/** A modal dialog: the browser keeps the focus in it and gives it back; Escape and the cross close it. */
export function Dialog({ title, onClose, isWide = false, children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = box.current;
    const before = document.activeElement;
    dialog?.showModal();
    dialogsOpen.value = [...dialogsOpen.peek(), id];
    return () => {
      dialogsOpen.value = dialogsOpen.peek().filter((one) => one !== id);
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
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
