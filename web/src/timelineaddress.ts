/** What the address of the timeline asks for: pure functions, which scripts that come early share. */
import { parseMoment } from './isotimes';
import { MOST_MS } from './timeline/scale';

export interface View {
  startMs: number;
  endMs: number;
}

/** As many cameras can be shown in step at once. */
export const MOST_CAMERAS = 16;
const FOLLOW_SHARE = 0.97; // the share of the view that lies before now, where it follows the clock

/** The cameras named; none: all of them, up to a number that fits. */
export const idsOf = (query: URLSearchParams): number[] =>
  (query.get('cameras') ?? '')
    .split(',')
    .map(Number)
    .filter((id) => Number.isInteger(id) && id > 0);

/** The stretch of time that is looked at first, kept to what can be drawn: anybody may have written the address. */
export function viewOf(query: URLSearchParams, nowMs: number): View {
  const atMs = parseMoment(query.get('at'));
  const spanMs = Math.min(Math.max(60, Number(query.get('span')) || 3600) * 1000, MOST_MS);
  const startMs = atMs === null ? nowMs - spanMs * FOLLOW_SHARE : atMs - spanMs / 2;
  return { startMs, endMs: startMs + spanMs };
}
