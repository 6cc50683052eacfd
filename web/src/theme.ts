/** Light, dark, or as the system is set. */
import { effect, signal } from '@preact/signals';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = 'theme';
const kept = localStorage.getItem(KEPT);
export const theme = signal<Theme>(THEMES.find((one) => one === kept) ?? 'auto');

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem(KEPT, theme.value);
  const secure = location.protocol === 'https:' ? '; secure' : '';
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Safari before 18.4
  document.cookie = `theme=${theme.value}; path=/; max-age=31536000; samesite=lax${secure}`; // for /login and its like
});
