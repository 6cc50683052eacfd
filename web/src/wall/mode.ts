/** Wall mode: the pictures alone on the whole screen, which stays on. */
import { effect, signal } from '@preact/signals';
import { keepAwake } from './awake';

export const isWall = signal(false);
/** The screen is being filled: an event that comes meanwhile tells of the time before. */
let isFilling = false;

async function fill(): Promise<void> {
  isFilling = true;
  try {
    await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
  } catch (error) {
    // Refused, or not known (iPhone): the pictures fill the window then.
    if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
  } finally {
    isFilling = false;
  }
  if (!isWall.peek()) leaveWall(); // it was left before the screen was filled
}

export function enterWall(): void {
  isWall.value = true;
  if (document.fullscreenEnabled && !document.fullscreenElement) void fill();
}

export function leaveWall(): void {
  isWall.value = false;
  if (document.fullscreenElement) void document.exitFullscreen();
}

/** Lets the page follow the mode for as long as the wall is shown; returns what ends that. */
export function followMode(): () => void {
  const leave = () => {
    if (!document.fullscreenElement && !isFilling) isWall.value = false;
  };
  document.addEventListener('fullscreenchange', leave);
  const end = effect(() => {
    document.documentElement.toggleAttribute('data-wall', isWall.value);
    return isWall.value ? keepAwake() : undefined;
  });
  return () => {
    leaveWall();
    end();
    document.documentElement.removeAttribute('data-wall');
    document.removeEventListener('fullscreenchange', leave);
  };
}
