/** Which dialog of the wall is open: one at a time. */
import { signal } from '@preact/signals';

export type Opened =
  /** One camera large. */
  | { kind: 'large'; id: number }
  /** Start recording; these cameras are ticked. */
  | { kind: 'record'; ids: number[] }
  /** Stop what these cameras record, or one tag. */
  | { kind: 'stop'; ids: number[] }
  | { kind: 'stop'; tag: string };

export const opened = signal<Opened | null>(null);

export function open(dialog: Opened): void {
  opened.value = dialog;
}

export function close(): void {
  opened.value = null;
}
