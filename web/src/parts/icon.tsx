/** The pictures on buttons: 24×24 paths, drawn in the colour of the text. They say nothing to screen readers. */
const PATHS = {
  play: 'M7 4.5v15l13-7.5z',
  pause: 'M6 4.5h4.2v15H6zM13.8 4.5H18v15h-4.2z',
  back: 'M12 5V1.5L6.5 6.2 12 11V7.4a6 6 0 1 1-6 6H3.6A8.4 8.4 0 1 0 12 5z',
  on: 'M12 5V1.5l5.5 4.7L12 11V7.4a6 6 0 1 0 6 6h2.4A8.4 8.4 0 1 1 12 5z',
  frameBack: 'M6 5h2.4v14H6zM19 5v14L9 12z',
  frameOn: 'M15.6 5H18v14h-2.4zM5 5l10 7-10 7z',
  sound:
    'M4 9v6h4l5 4.5v-15L8 9zM15.5 8.2v7.6a4.2 4.2 0 0 0 0-7.6zM15.5 3.9v2.2a6.2 6.2 0 0 1 0 11.8v2.2a8.3 8.3 0 0 0 0-16.2z',
  silent:
    'M4 9v6h4l5 4.5v-15L8 9zM21 9.4 19.6 8 17.5 10.1 15.4 8 14 9.4l2.1 2.1-2.1 2.1 1.4 1.4 2.1-2.1 2.1 2.1 1.4-1.4-2.1-2.1z',
  full: 'M4 4h6v2.2H6.2V10H4zM14 4h6v6h-2.2V6.2H14zM4 14h2.2v3.8H10V20H4zM17.8 14H20v6h-6v-2.2h3.8z',
  save: 'M11 3h2.2v9.2l3.3-3.3 1.6 1.6-6 6-6-6 1.6-1.6 3.3 3.3zM4 18.8h16V21H4z',
  left: 'M15 5 8 12l7 7 1.6-1.6L11.2 12l5.4-5.4z',
  right: 'M9 5l7 7-7 7-1.6-1.6 5.4-5.4-5.4-5.4z',
  down: 'M5 9l7 7 7-7-1.6-1.6-5.4 5.4-5.4-5.4z',
  grid: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  bin: 'M9 3h6l1 2h4v2H4V5h4zM6 8.5h12L17 21H7zm3.4 2.3.4 8h1.5l-.3-8zm3.6 0-.3 8h1.5l.4-8z',
  plus: 'M10.9 4h2.2v6.9H20v2.2h-6.9V20h-2.2v-6.9H4v-2.2h6.9z',
  minus: 'M4 10.9h16v2.2H4z',
  close: 'M5.6 4 12 10.4 18.4 4 20 5.6 13.6 12l6.4 6.4-1.6 1.6-6.4-6.4L5.6 20 4 18.4l6.4-6.4L4 5.6z',
  edit: 'M4 16.5V20h3.5L18 9.5 14.5 6zM16 4.5 19.5 8l1.6-1.6-3.5-3.5z',
  search: 'M10 3a7 7 0 1 0 4.3 12.5l5 5 1.5-1.5-5-5A7 7 0 0 0 10 3zm0 2.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6z',
  clock:
    'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 2.2a6.8 6.8 0 1 1 0 13.6 6.8 6.8 0 0 1 0-13.6zM11 7v6l4.5 2.7 1-1.8-3.4-2V7z',
  camera: 'M4 6h11v12H4zM16.5 10.5 21 7v10l-4.5-3.5z',
  files: 'M5 3h9l5 5v13H5zm8 1.8V9h4.2z',
  gear: 'M10.5 3h3l.5 2.4 1.8.8 2-1.3 2.1 2.1-1.3 2 .8 1.8 2.4.5v3l-2.4.5-.8 1.8 1.3 2-2.1 2.1-2-1.3-1.8.8-.5 2.4h-3l-.5-2.4-1.8-.8-2 1.3L4.1 18.6l1.3-2-.8-1.8-2.4-.5v-3l2.4-.5.8-1.8-1.3-2 2.1-2.1 2 1.3 1.8-.8zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  sliders:
    'M4 6h9v2H4zM16 4.5h2V6h2v2h-2v1.5h-2zM4 11h3V9.5h2V14H7v-1H4zM11 11h9v2h-9zM4 16h9v2H4zM16 14.5h2V16h2v2h-2v1.5h-2z',
  pin: 'M9 3h6v2l-1 1v4l3 3v2h-4v6h-2v-6H7v-2l3-3V6L9 5z',
  link: 'M10 13a4 4 0 0 1 0-5.6l3-3a4 4 0 0 1 5.6 5.6l-1.7 1.7-1.4-1.4 1.7-1.7a2 2 0 0 0-2.9-2.8l-3 3a2 2 0 0 0 0 2.8zM14 11a4 4 0 0 1 0 5.6l-3 3A4 4 0 0 1 5.400 14l1.700-1.700 1.400 1.400-1.700 1.700a2 2 0 0 0 2.900 2.800l3-3a2 2 0 0 0 0-2.800z',
  warning: 'M12 3 22 20H2zm-1 6v6h2V9zm0 7.500v2h2v-2z',
  dot: 'M12 6a6 6 0 1 0 0 12 6 6 0 0 0 0-12z',
  stop: 'M6 6h12v12H6z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
