/** What happens by itself, said to ears: one polite region a page. The last lines stay, so that none is overrun. */
import { signal } from '@preact/signals';

const KEPT = 5;
const said = signal<{ text: string; number: number }[]>([]);

export function announce(text: string): void {
  const before = said.peek();
  said.value = [...before, { text, number: (before.at(-1)?.number ?? 0) + 1 }].slice(-KEPT);
}

export function Said() {
  return (
    <div class="unseen" role="log" aria-live="polite">
      {said.value.map(({ text, number }) => (
        <p key={number}>{text}</p>
      ))}
    </div>
  );
}
