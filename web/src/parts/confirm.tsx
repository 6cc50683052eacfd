import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Button } from './button';
import { Dialog } from './dialog';
import type { IconName } from './icon';
import { ErrorText } from './shown';
import { say } from './words';

interface ConfirmProps {
  /** Names the thing: "Revoke the token “backup”?". */
  title: string;
  action: string;
  icon?: IconName;
  /** What not to do is called, where "Cancel" would be misunderstood. */
  cancel?: string;
  act: () => Promise<unknown>;
  onClose: () => void;
  /** It is done; the dialog closes after this. */
  onDone?: () => void;
  /** What comes of it. */
  children: ComponentChildren;
}

/** Asks before something is done that cannot simply be undone; it is done once, and what fails is said in the dialog. */
export function Confirm({ title, action, icon, cancel = say('cancel'), act, onClose, onDone, children }: ConfirmProps) {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    try {
      await act();
      onDone?.();
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="stack">
        {children}
        <ErrorText error={error} />
      </div>
      <div class="dialog-buttons">
        <Button onClick={onClose}>{cancel}</Button>
        <Button kind="danger" {...(icon && { icon })} disabled={isBusy} onClick={() => void confirm()}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
