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
  /** There is nothing to do it with yet. */
  isIdle?: boolean;
  /** What comes of it; as a function it is told what failed, and says that itself. */
  children: ComponentChildren | ((error: unknown) => ComponentChildren);
}

/** Asks before something is done that cannot simply be undone; it is done once, and what fails is said in the dialog. */
export function Confirm(props: ConfirmProps) {
  const { title, action, icon, cancel = say('cancel'), act, onClose, onDone, isIdle = false, children } = props;
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
        {typeof children === 'function' ? children(error) : children}
        {typeof children !== 'function' && <ErrorText error={error} />}
      </div>
      <div class="dialog-buttons">
        <Button onClick={onClose}>{cancel}</Button>
        <Button kind="danger" {...(icon && { icon })} disabled={isBusy || isIdle} onClick={() => void confirm()}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
