/** What a film is called that is downloaded: a pure function. */
import { fieldText } from './wallclock';

const SAFE = /[:]/g; // not taken by all file systems

/**
 * "source-1-Gate 2026-11-21 08.00.02-08.00.06": the camera, and from when to when by the clocks of a zone. The number leads, so
 * that all films of a camera stand together whatever it was called. The service gives it its ending, and makes it safe.
 */
export function filmName(id: number, camera: string, startMs: number, endMs: number, zone: string): string {
  const [startDay, start] = fieldText(startMs, zone).replace(SAFE, '.').split('T');
  const [endDay, end] = fieldText(endMs, zone).replace(SAFE, '.').split('T');
  return `source-${id}-${camera} ${startDay} ${start}-${endDay === startDay ? '' : `${endDay} `}${end}`;
}
