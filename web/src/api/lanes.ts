/** What is drawn on a timeline beside footage: activity, and what was noted of footage. */
import { isoOf } from '../instants';
import { get } from './call';
import type { WireInterval } from './footage';

export interface WireActivity extends WireInterval {
  resolution: number;
  sources: { source_id: number; is_enabled: boolean; threshold: number; values: (number | null)[] }[];
}

interface WireMark {
  id: string | number;
  source_id: number;
  start_utc: string;
  end_utc: string | null;
}
export type WireRecordMark = WireMark & { tag: string };
export type WirePinMark = WireMark & { reason: string | null; owner: string | null };
export type WireCommentMark = WireMark & { text: string; author: string };

/** Where there were too many, `items` is empty and `counts` says how many begin in each cell. */
export interface WireMarks<Item> {
  truncated: boolean;
  counts: { source_id: number; values: number[] }[] | null;
  items: Item[];
}

/** Kinds that the caller may not list are left out. */
export interface MarksAnswer extends WireInterval {
  resolution: number;
  record?: WireMarks<WireRecordMark>;
  pin?: WireMarks<WirePinMark>;
  comment?: WireMarks<WireCommentMark>;
}

const askOf = (sourceIds: number[], startMs: number, endMs: number, resolutionS: number) => ({
  source_id: sourceIds.join(','),
  start: isoOf(startMs),
  end: isoOf(endMs),
  resolution: Number(resolutionS.toFixed(3)), // the service takes microseconds and no finer
});

/** How much of the picture changed, by cells of `resolutionS`. */
export const activity = (ids: number[], startMs: number, endMs: number, resolutionS: number, signal: AbortSignal) =>
  get<WireActivity>('/playbackapi/activity', askOf(ids, startMs, endMs, resolutionS), signal);

/** Records with their tags, pins and comments. */
export const marks = (ids: number[], startMs: number, endMs: number, resolutionS: number, signal: AbortSignal) =>
  get<MarksAnswer>(
    '/playbackapi/marks',
    { ...askOf(ids, startMs, endMs, resolutionS), kinds: 'record,pin,comment' },
    signal,
  );
