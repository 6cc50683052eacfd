/** Thresholds on a slider: shares of the picture, from a twentieth of a percent to half of it, in equal ratios. */
const LEAST = 0.0005;
const MOST = 0.5;
export const STEPS = 60;

/** The share at a place of the slider, 0 to STEPS; rounded as people would say it. */
export function shareAt(place: number): number {
  const share = LEAST * (MOST / LEAST) ** (Math.min(Math.max(place, 0), STEPS) / STEPS);
  return Number(share.toPrecision(2));
}

/** The place of a share on the slider. */
export function placeOf(share: number): number {
  const within = Math.min(Math.max(share, LEAST), MOST);
  return Math.round((STEPS * Math.log(within / LEAST)) / Math.log(MOST / LEAST));
}
