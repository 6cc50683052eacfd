/** When the pictures of fragments (moof) are shown: ISO/IEC 14496-12 §8.8.7 tfhd, §8.8.8 trun, §8.8.12 tfdt. */

import { type Box, first, within } from './boxes';
import type { Track } from './initsegment';

/** The pictures of a piece of media, on the time line of its run. */
export interface Pictures {
  /** When each is shown, in order of showing, seconds. */
  readonly shownS: number[];
  /** When the first one in order of decoding is shown, seconds: an entry's date-time is of that one. */
  readonly firstS: number;
  /** How long the last one lasts, seconds. */
  readonly lastS: number;
  /** Does the first need no other to be decoded? */
  readonly isKey: boolean;
}

const NON_SYNC = 0x10000;

/** Read the pictures of fragments. Raises Error where they have none. */
export function readPictures(bytes: ArrayBuffer, tracks: readonly Track[]): Pictures {
  const view = new DataView(bytes);
  const video = tracks.find((track) => track.kind === 'video');
  const found = { shown: [] as number[], last: 0, isKey: true };
  for (const track of within(view, ['moof', 'traf'])) {
    const head = first(view, ['tfhd'], track);
    if (video && view.getUint32(head.begin + 4) === video.id) readTrack(view, track, head, found);
  }
  const [firstTicks] = found.shown;
  if (!video || firstTicks === undefined) throw new Error('an entry of a playlist has no picture');
  const scale = video.timescale;
  const shownS = found.shown.map((ticks) => ticks / scale).sort((a, b) => a - b);
  return { shownS, firstS: firstTicks / scale, lastS: found.last / scale, isKey: found.isKey };
}

interface Found {
  shown: number[];
  last: number;
  isKey: boolean;
}

function readTrack(view: DataView, track: Box, head: Box, found: Found): void {
  const time = first(view, ['tfdt'], track);
  const isLong = view.getUint8(time.begin) === 1;
  let ticks = isLong ? Number(view.getBigUint64(time.begin + 4)) : view.getUint32(time.begin + 4);
  const usual = defaults(view, head);
  for (const run of within(view, ['trun'], track)) ticks = readRun(view, run, ticks, usual, found);
}

interface Usual {
  readonly duration: number;
  readonly flags: number;
}

/** Duration and flags of samples that say none of their own. */
function defaults(view: DataView, head: Box): Usual {
  const flags = view.getUint32(head.begin) & 0xffffff;
  let at = head.begin + 8 + (flags & 1 ? 8 : 0) + (flags & 2 ? 4 : 0);
  const duration = flags & 8 ? view.getUint32(at) : 0;
  at += (flags & 8 ? 4 : 0) + (flags & 16 ? 4 : 0);
  return { duration, flags: flags & 32 ? view.getUint32(at) : 0 };
}

const COLUMNS = [0x100, 0x200, 0x400, 0x800];

/** Where in a row of a trun the field of a flag is, in bytes; null: no row has it. */
function column(flags: number, flag: number): number | null {
  return flags & flag ? 4 * COLUMNS.filter((one) => one < flag && flags & one).length : null;
}

/** Read one trun whose first sample is decoded at `ticks`; return when the one after its last would be. */
function readRun(view: DataView, run: Box, ticks: number, usual: Usual, found: Found): number {
  const flags = view.getUint32(run.begin) & 0xffffff;
  const count = view.getUint32(run.begin + 4);
  const rowBytes = 4 * COLUMNS.filter((flag) => flags & flag).length;
  const [durationAt, flagsAt, offsetAt] = [column(flags, 0x100), column(flags, 0x400), column(flags, 0x800)];
  let at = run.begin + 8 + (flags & 1 ? 4 : 0);
  const firstFlags = flags & 4 ? view.getUint32(at) : usual.flags;
  at += flags & 4 ? 4 : 0;
  if (found.shown.length === 0)
    found.isKey = ((flagsAt === null ? firstFlags : view.getUint32(at + flagsAt)) & NON_SYNC) === 0;
  let decodedTicks = ticks;
  for (let n = 0; n < count; n += 1, at += rowBytes) {
    found.shown.push(decodedTicks + (offsetAt === null ? 0 : view.getInt32(at + offsetAt)));
    found.last = durationAt === null ? usual.duration : view.getUint32(at + durationAt);
    decodedTicks += found.last;
  }
  return decodedTicks;
}
