/** What was recorded: /playbackapi as its contract has it. Instants are milliseconds here, text on the wire. */
import { isoOf } from '../instants';
import { get, queryOf } from './call';
import { coveragePath, rangeOf } from './paths';

export interface WireInterval {
  start_utc: string;
  end_utc: string;
}
export interface Interval {
  startMs: number;
  endMs: number;
}
export interface WireGap extends WireInterval {
  cause: string;
  detail?: string | null;
}
export interface Gap extends Interval {
  cause: string;
  detail: string;
}

/** "Request data": what there is of a camera between two instants, and the addresses that deliver it. */
export interface Footage extends WireInterval {
  source_id: number;
  duration: number;
  spans: (WireInterval & { record_id: string; tag: string })[];
  gaps: WireGap[];
  /** Where in the MP4 (seconds of media time) each uninterrupted piece of wall time lies. */
  map: (WireInterval & { media_s: number })[];
  codecs: string;
  width: number;
  height: number;
  bytes: number;
  urls: { mp4: string; hls: string; picture: string; thumbnails: string };
}

export interface Timeline extends WireInterval {
  resolution: number;
  sources: { source_id: number; spans: WireInterval[] }[];
}

export interface SyncAnswer extends WireInterval {
  grid_s: number;
  sources: { source_id: number; hls: string }[];
}

export const intervalOf = ({ start_utc, end_utc }: WireInterval): Interval => ({
  startMs: Date.parse(start_utc),
  endMs: Date.parse(end_utc),
});

/** A stretch of one camera, half-open. */
export interface Stretch extends Interval {
  sourceId: number;
}

/** A stretch as it is sent to the service. */
export const stretchOf = ({ sourceId, startMs, endMs }: Stretch) => ({
  source_id: sourceId,
  start: isoOf(startMs),
  end: isoOf(endMs),
});

/** `endMs` null: up to now, with addresses that go on. Raises ApiError 404 with before_utc and after_utc in a gap. */
export const footage = (sourceId: number, startMs: number, endMs: number | null, signal?: AbortSignal) =>
  get<Footage>(`/playbackapi/source/${sourceId}`, rangeOf(startMs, endMs), signal);

/** Coverage of many cameras; gaps shorter than `resolutionS` are closed. `endMs` null: up to now. */
export const timeline = (
  sourceIds: number[],
  startMs: number,
  endMs: number | null,
  resolutionS: number,
  signal?: AbortSignal,
) => get<Timeline>(coveragePath(sourceIds, startMs, endMs, resolutionS), {}, signal);

/** Playlists of several cameras that are cut at the same instants. */
export const syncPlaylists = (sourceIds: number[], startMs: number, endMs: number | null, signal?: AbortSignal) =>
  get<SyncAnswer>('/playbackapi/sync', { source_id: sourceIds.join(','), ...rangeOf(startMs, endMs) }, signal);

/** What is missing of a camera, with the causes; with `leastS` only gaps that last at least so long. */
export async function gaps(
  sourceId: number,
  startMs: number,
  endMs: number,
  signal?: AbortSignal,
  leastS: number | null = null,
): Promise<Gap[]> {
  const path = `/api/v1/source/${sourceId}/gaps`;
  const answer = await get<{ gaps: WireGap[] }>(path, { ...rangeOf(startMs, endMs), resolution: leastS }, signal);
  return answer.gaps.map((gap) => ({ ...intervalOf(gap), cause: gap.cause, detail: gap.detail ?? '' }));
}

/** The address of the frame at an instant; `key`: the nearest key frame, which is cheaper. */
export const pictureUrl = (sourceId: number, atMs: number, width: number, nearest: 'exact' | 'key' = 'key') =>
  `/playbackapi/source/${sourceId}/picture.jpg${queryOf({ at: isoOf(atMs), width, nearest })}`;

/** The address of one MP4 of exactly that range; with a name, which its answer gives it, to be downloaded. */
export const mp4Url = (sourceId: number, startMs: number, endMs: number, name: string | null = null) =>
  `/playbackapi/source/${sourceId}/video.mp4${queryOf({ ...rangeOf(startMs, endMs), download: name && 1, name })}`;
