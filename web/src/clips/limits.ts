/** How long the service lets a stretch be: as one film, as a file for analysis, by a link. A pin has no such limit. */
import { DAY_MS } from '../lengths';

export const MOST_DAYS = 31;
export const isTooLong = ({ startMs, endMs }: { startMs: number; endMs: number }): boolean =>
  endMs - startMs > MOST_DAYS * DAY_MS;
