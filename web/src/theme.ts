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
});
