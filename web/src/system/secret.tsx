/** A secret that is shown this once: to be read, selected and copied. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { say } from './words';

interface SecretProps {
  title: string;
  text: string;
  secret: string;
  onClose: () => void;
}

export function SecretDialog({ title, text, secret, onClose }: SecretProps) {
  const [isCopied, setCopied] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(secret);
      setCopied(true);
    } catch (error) {
      if (!(error instanceof DOMException) && !(error instanceof TypeError)) throw error;
      setCopied(false); // over plain HTTP there is no clipboard: it is selected, for the keys of the system
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="stack">
        <p>{text}</p>
        <div class="row system-secret">
          <input ref={field} class="code" readOnly value={secret} aria-label={title} />
          <Button onClick={() => void copy()}>{say(isCopied ? 'copied' : 'copy')}</Button>
        </div>
        <p class="notice" data-kind="warning">
          {say('shownOnce')}
        </p>
      </div>
      <div class="dialog-buttons">
        <Button kind="main" onClick={onClose}>
          {say('done')}
        </Button>
      </div>
    </Dialog>
  );
}
