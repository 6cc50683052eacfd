/** The addresses that a page asks first, and how a query is written: pure functions, which scripts that come early share. */
import { isoOf } from '../isotimes';

export type Parameters = Record<string, string | number | boolean | null | undefined>;

/** The query of an address: what is null or undefined is left out. */
export function queryOf(parameters: Parameters = {}): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text && `?${text.replaceAll('%2C', ',').replaceAll('%3A', ':')}`;
}

export const SOURCES = '/api/v1/source';
export const GROUPS = '/api/v1/group';
export const OPEN_RECORDS = '/api/v1/record/open';

/** `endMs` null: up to now. */
export const rangeOf = (startMs: number, endMs: number | null) => ({
  start: isoOf(startMs),
  end: endMs === null ? null : isoOf(endMs),
});

/** The address of the coverage of many cameras. */
export function coveragePath(
  sourceIds: readonly number[],
  startMs: number,
  endMs: number | null,
  resolutionS: number,
): string {
  const range = rangeOf(startMs, endMs);
  return `/playbackapi/timeline${queryOf({ source_id: sourceIds.join(','), ...range, resolution: resolutionS })}`;
}
