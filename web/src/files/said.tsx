/** What happens by itself, said to ears: one polite region a page; the same text twice is said twice. */
import { signal } from '@preact/signals';

const said = signal({ text: '', number: 0 });

export function announce(text: string): void {
  said.value = { text, number: said.peek().number + 1 };
}

export function Said() {
  const { text, number } = said.value;
  return (
    <div class="unseen" role="status" aria-live="polite">
      <span key={number}>{text}</span>
    </div>
  );
}
