import type { ComponentChildren, TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import { Button } from './button';
import { Dialog } from './dialog';
import { say } from './words';

interface FormDialogProps {
  title: string;
  /** What the button says that stores it. */
  action?: string;
  /** Stores it and closes the dialog; what it throws is told to `children`. */
  save: () => Promise<void>;
  onClose: () => void;
  /** The fields, and where it is said what is wrong with them. */
  children: (error: unknown) => ComponentChildren;
}

/** A dialog with a form that is stored once however often the button is pressed, and goes on where that fails. */
export function FormDialog({ title, action = say('save'), save, onClose, children }: FormDialogProps) {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    try {
      await save();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        {children(error)}
        <div class="dialog-buttons">
          <Button onClick={onClose}>{say('cancel')}</Button>
          <Button kind="main" type="submit" disabled={isBusy}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
