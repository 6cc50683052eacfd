/** Finding the next movement before several cameras. */
import { type Moving, type NextQuery, nextActivity } from '../api/activity';
import { nearest, type Way } from './pick';

/** Ask for the next movement of each camera; `threshold` null: that of each. Raises ApiError, AbortError. */
export async function findMovement(
  ids: number[],
  way: Way,
  atMs: number,
  threshold: number | null,
  signal: AbortSignal,
): Promise<Moving | null> {
  const query: NextQuery = { way, atMs, ...(threshold !== null && { threshold }) };
  return nearest(await Promise.all(ids.map((id) => nextActivity(id, query, signal))), way);
}
