/** What a film is called that is downloaded: a pure function. */
import { shortened } from './cameranames';
import { fieldText } from './wallclock';

const LONGEST = 40; // the time behind it must fit in too

/**
 * "source-1-Gate 2026-11-21 08.00.02-08.00.06": the camera, and from when to when by the clocks of a zone. The number leads, so
 * that all films of a camera stand together whatever it was called. The service gives it its ending, and makes it safe.
 */
export function filmName(id: number, camera: string, startMs: number, endMs: number, zone: string): string {
  const [startDay, start] = fieldText(startMs, zone).replaceAll(':', '.').split('T');
  const [endDay, end] = fieldText(endMs, zone).replaceAll(':', '.').split('T');
  return `source-${id}-${shortened(camera, LONGEST)} ${startDay} ${start}-${endDay === startDay ? '' : `${endDay} `}${end}`;
}
