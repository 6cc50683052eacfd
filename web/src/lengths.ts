/** Lengths of time in milliseconds. A day of the calendar may be longer or shorter: see zones.ts. */
export const SECOND_MS = 1000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** So long before footage ends its last frame is shown, at up to 120 frames a second; the end itself shows nothing. */
export const LAST_FRAME_MS = 8;
/** The first instant that is looked at: nothing was recorded before. */
export const FIRST_MS = Date.UTC(2000, 0, 1);
