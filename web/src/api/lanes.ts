/** What is drawn on a timeline beside footage and activity: what was noted of footage. */
import { cellsOf } from './activity';
import { get } from './call';
import type { WireInterval } from './footage';

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

/** Records with their tags, pins and comments. */
export const marks = (ids: number[], startMs: number, endMs: number, resolutionS: number, signal: AbortSignal) =>
  get<MarksAnswer>(
    '/playbackapi/marks',
    { ...cellsOf(ids, startMs, endMs, resolutionS), kinds: 'record,pin,comment' },
    signal,
  );
