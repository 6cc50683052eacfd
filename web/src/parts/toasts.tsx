/** Short messages about what was just done; they are read out, and stay until they have been seen. */
import { signal } from '@preact/signals';
import { IconButton } from './button';
import { say } from './words';

export interface Toast {
  id: number;
  text: string;
  kind: 'done' | 'danger';
}

const SHOWN_MS = 6000;
const toasts = signal<Toast[]>([]);
let lastId = 0;

const remove = (id: number) => {
  toasts.value = toasts.value.filter((one) => one.id !== id);
};

/** Say something. What went wrong stays until it is closed. */
export function toast(text: string, kind: Toast['kind'] = 'done'): void {
  lastId += 1;
  const id = lastId;
  toasts.value = [...toasts.value.slice(-3), { id, text, kind }];
  if (kind === 'done') setTimeout(() => remove(id), SHOWN_MS);
}

/** The ids of the modal dialogs that are open: what lies outside of the newest is inert, and is not read out. */
export const dialogsOpen = signal<readonly string[]>([]);

/** Where the messages stand: in the newest dialog (`within` is its id), or else on the page. */
export function Toasts({ within = '' }: { within?: string }) {
  const shown = within === (dialogsOpen.value.at(-1) ?? '') ? toasts.value : [];
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ id, text, kind }) => (
        <div key={id} class="toast" data-kind={kind}>
          <span class="spring">{text}</span>
          <IconButton icon="close" label={say('close')} onClick={() => remove(id)} />
        </div>
      ))}
    </div>
  );
}
