/** What lies on the time of cameras beside footage: docs/api.md, "Activity and marks on a timeline". */
import { isoOf } from '../instants';
import { get } from './call';
import type { WireInterval } from './footage';

export type MarkKind = 'record' | 'pin' | 'comment' | 'share';

interface WireMark {
  source_id: number;
  start_utc: string;
}
/** A recording; `end_utc` null while it goes on. */
export interface RecordMark extends WireMark {
  id: string;
  end_utc: string | null;
  tag: string;
}
export interface PinMark extends WireMark {
  id: string;
  end_utc: string;
  reason: string;
  owner: string;
}
/** What was said of a file made of this footage, at the wall clock of the footage; `end_utc` null: of an instant. */
export interface CommentMark extends WireMark {
  id: number;
  end_utc: string | null;
  file_id: number;
  refer_file: string;
  text: string;
  author: 'AI' | 'User';
  severity: string;
}
export interface ShareMark extends WireMark {
  id: string;
  end_utc: string;
  description: string | null;
}

/** Marks by begin; of more than 2,000 none are listed, and `counts` says how many begin in each cell. */
export interface MarksOf<Mark> {
  truncated: boolean;
  items: Mark[];
  counts: { source_id: number; values: number[] }[] | null;
}

/** A kind that was not asked for, or that the caller may not list, is not there. */
export interface TimelineMarks extends WireInterval {
  /** Seconds a cell of `counts`. */
  resolution: number;
  record?: MarksOf<RecordMark>;
  pin?: MarksOf<PinMark>;
  comment?: MarksOf<CommentMark>;
  share?: MarksOf<ShareMark>;
}

/** Marks of up to 256 cameras; without `kinds` all that the caller may list. */
export const timelineMarks = (
  sourceIds: number[],
  startMs: number,
  endMs: number,
  resolutionS: number,
  kinds: MarkKind[] | null = null,
  signal?: AbortSignal,
) =>
  get<TimelineMarks>(
    '/playbackapi/marks',
    {
      source_id: sourceIds.join(','),
      start: isoOf(startMs),
      end: isoOf(endMs),
      resolution: resolutionS,
      kinds: kinds?.join(','),
    },
    signal,
  );
