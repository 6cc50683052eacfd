/** How much moves before cameras: docs/api.md, "Activity and marks on a timeline". */
import { isoOf } from '../instants';
import { get, send } from './call';
import type { WireInterval } from './footage';

/** The highest share of the picture that moved in each cell, 0 to 1; null: nothing known. Draw its root. */
export type ActivityValue = number | null;

export interface SourceActivity {
  source_id: number;
  is_enabled: boolean;
  /** The share from which on it counts as movement for this camera. */
  threshold: number;
  values: ActivityValue[];
}

export interface Activity extends WireInterval {
  /** Seconds a cell; cell n begins at start_utc + n × resolution. */
  resolution: number;
  sources: SourceActivity[];
}

/** What is asked of cameras by cells of so many seconds. */
export const cellsOf = (sourceIds: number[], startMs: number, endMs: number, resolutionS: number) => ({
  source_id: sourceIds.join(','),
  start: isoOf(startMs),
  end: isoOf(endMs),
  resolution: Number(resolutionS.toFixed(3)), // the service takes microseconds and no finer
});

/** Activity of up to 256 cameras in the same cells, at most 10,000; raises ApiError 422 for more. */
export const activity = (
  sourceIds: number[],
  startMs: number,
  endMs: number,
  resolutionS: number,
  signal?: AbortSignal,
) => get<Activity>('/playbackapi/activity', cellsOf(sourceIds, startMs, endMs, resolutionS), signal);

/** A stretch with movement. */
export interface Moving {
  sourceId: number;
  startMs: number;
  endMs: number;
  /** The highest share in it. */
  peak: number;
}

interface WireNext {
  start_utc: string | null;
  end_utc: string | null;
  peak: number | null;
  searched_utc: string | null;
}

export interface NextQuery {
  /** `after`: the first stretch that begins later; `before`: the last that begins earlier. */
  way: 'after' | 'before';
  atMs: number;
  /** Left out: that of the camera. */
  threshold?: number;
}

const MOST_ASKS = 20; // each goes over some 2,000 hours with movement: three years

/** The next stretch of one camera; null for none. Where the service gives up for the length, it is asked on. */
export async function nextActivity(sourceId: number, query: NextQuery, signal?: AbortSignal): Promise<Moving | null> {
  let at = isoOf(query.atMs);
  for (let asks = 0; asks < MOST_ASKS; asks += 1) {
    const path = `/api/v1/source/${sourceId}/activity/next`;
    const found: WireNext = await get(path, { [query.way]: at, threshold: query.threshold }, signal);
    if (found.start_utc && found.end_utc) {
      const times = { startMs: Date.parse(found.start_utc), endMs: Date.parse(found.end_utc) };
      return { sourceId, ...times, peak: found.peak ?? 0 };
    }
    if (!found.searched_utc) return null;
    at = found.searched_utc;
  }
  return null;
}

export interface ActivitySetting {
  source_id: number;
  is_enabled: boolean;
  threshold: number;
  /** Footage recorded before it is not looked at; null: it was never switched on. */
  since_utc: string | null;
  /** Seconds of footage that is yet to be looked at. */
  behind_s: number;
  looked_utc: string | null;
  decoded: number;
  decoding_s: number;
}

const settingPath = (sourceId: number) => `/api/v1/source/${sourceId}/activity/setting`;

export const activitySetting = (sourceId: number, signal?: AbortSignal) =>
  get<ActivitySetting>(settingPath(sourceId), {}, signal);

/** What is left out stays. `since`: ISO 8601; null: from now on. */
export const setActivity = (
  sourceId: number,
  change: { is_enabled?: boolean; threshold?: number; since?: string | null },
) => send<ActivitySetting>('PUT', settingPath(sourceId), change);
