/** Choosing files by a button, or by dropping them anywhere on the page. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../parts/button';
import { addFiles } from './queue';
import { say } from './words';

const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;

/** Take files that are dropped on the window; true while some are held over it. */
function useDrop(): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      void addFiles(event.dataTransfer?.files ?? []);
    };
    addEventListener('dragover', over);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, []);
  return isOver;
}

export function Choose() {
  const input = useRef<HTMLInputElement>(null);
  const isOver = useDrop();
  return (
    <div class="row">
      <Button kind="main" icon="plus" onClick={() => input.current?.click()}>
        {say('choose')}
      </Button>
      <span class="small muted files-drop-hint">{say('drop')}</span>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          void addFiles(event.currentTarget.files ?? []);
          event.currentTarget.value = '';
        }}
      />
      {isOver && <div class="files-drop">{say('dropNow')}</div>}
    </div>
  );
}
