/** A secret that is shown this once: to be read, selected and copied. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Button } from '../parts/button';
import { sayCopied } from '../parts/copytext';
import { Dialog } from '../parts/dialog';
import { say as sayPart } from '../parts/words';
import { say } from './words';

interface SecretProps {
  title: string;
  text: string;
  secret: string;
  onClose: () => void;
}

export function SecretDialog({ title, text, secret, onClose }: SecretProps) {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.select(), []);
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="stack">
        <p>{text}</p>
        <div class="row system-secret">
          <input ref={field} class="code" readOnly value={secret} aria-label={title} />
          <Button onClick={() => field.current && void sayCopied(field.current)}>{sayPart('copy')}</Button>
        </div>
        <p class="notice" data-kind="warning">
          {say('shownOnce')}
        </p>
      </div>
      <div class="dialog-buttons">
        <Button kind="main" onClick={onClose}>
          {sayPart('done')}
        </Button>
      </div>
    </Dialog>
  );
}
