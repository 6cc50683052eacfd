/** Where the tiles of each layer come from. */

import { activity } from '../api/activity';
import * as footage from '../api/footage';
import * as lanes from '../api/lanes';
import { SECOND_MS } from '../lengths';
import type { Activity } from './activitylayer';
import type { Origin } from './feed';
import type { Mark, MarkSet, Marks } from './marklayers';
import { type Spans, spansWithin } from './runs';
import type { View } from './scale';
import { COVERAGE } from './tiles';

const MANY_IDS = 64;

export const coverageOrigin: Origin<Spans> = {
  shape: COVERAGE,
  rank: 0,
  mostIds: MANY_IDS,
  mostWeight: 1_000_000, // begins and ends: 8 MB
  isAhead: true,
  weigh: (spans) => spans.length,
  cut: spansWithin,
  async load(ids, range, resolutionMs, signal) {
    const endMs = range.isOpen ? null : range.endMs;
    const answer = await footage.timeline(ids, range.startMs, endMs, resolutionMs / 1000, signal);
    return new Map(answer.sources.map(({ source_id, spans }) => [source_id, spansOf(spans)]));
  },
};

function spansOf(spans: readonly footage.WireInterval[]): Spans {
  const found = new Float64Array(spans.length * 2);
  for (const [number, { start_utc, end_utc }] of spans.entries()) {
    found[2 * number] = Date.parse(start_utc);
    found[2 * number + 1] = Date.parse(end_utc);
  }
  return found;
}

/** Tiles of a day up to 256 days; those of a day have every gap, longer ones none that could not be seen. */
const DAYS = { finestMs: 20 * SECOND_MS, cells: 4320, levels: 5 };

export const gapOrigin: Origin<readonly footage.Gap[]> = {
  shape: DAYS,
  rank: 2,
  isPatient: true,
  mostIds: 1,
  mostWeight: 100_000,
  weigh: (gaps) => gaps.length,
  async load(ids, range, resolutionMs, signal) {
    const [id] = ids;
    if (id === undefined) return new Map();
    const leastS = resolutionMs > DAYS.finestMs ? resolutionMs / 1000 : null;
    const gaps = await footage.gaps(id, range.startMs, range.endMs, signal, leastS);
    return new Map([[id, gaps.filter((gap) => gap.cause !== 'pending')]]); // what is still to come is not missing
  },
};

export const activityOrigin: Origin<Activity> = {
  shape: { finestMs: 2 * SECOND_MS, cells: 1024, levels: 8 },
  rank: 3,
  isPatient: true,
  mostIds: MANY_IDS,
  mostWeight: 1_000_000,
  weigh: ({ values }) => values.length * 8, // and its picture
  async load(ids, range, resolutionMs, signal) {
    const answer = await activity(ids, range.startMs, range.endMs, resolutionMs / 1000, signal);
    const cellMs = answer.resolution * 1000;
    const found = new Map<number, Activity>();
    for (const { source_id, values } of answer.sources) {
      if (values.every((value) => value === null)) continue;
      const numbers = Float32Array.from(values, (value) => value ?? Number.NaN);
      found.set(source_id, { startMs: range.startMs, cellMs, values: numbers, picture: null });
    }
    return found;
  },
};

const MARK_CELLS = 500; // where there are too many marks they are counted by so many cells a tile
const NO_MARKS: MarkSet = { marks: [], counts: null };

export const markOrigin: Origin<Marks> = {
  shape: DAYS,
  rank: 1,
  isPatient: true,
  mostIds: MANY_IDS,
  mostWeight: 100_000,
  weigh: (marks) =>
    Object.values(marks).reduce((sum, one) => sum + one.marks.length + (one.counts?.values.length ?? 0), 0),
  async load(ids, range, _resolutionMs, signal) {
    const resolutionS = Math.max(Math.ceil((range.endMs - range.startMs) / 1000 / MARK_CELLS), 1);
    const answer = await lanes.marks(ids, range.startMs, range.endMs, resolutionS, signal);
    const cellMs = answer.resolution * 1000;
    const setOf = <Item extends lanes.WireRecordMark | lanes.WirePinMark | lanes.WireCommentMark>(
      id: number,
      found: lanes.WireMarks<Item> | undefined,
      told: (item: Item) => { text: string; who: string },
    ) => markSet(id, found, range, cellMs, told);
    return new Map(
      ids.map((id) => [
        id,
        {
          record: setOf(id, answer.record, (item) => ({ text: item.tag, who: '' })),
          pin: setOf(id, answer.pin, (item) => ({ text: item.reason ?? '', who: item.owner ?? '' })),
          comment: setOf(id, answer.comment, (item) => ({ text: item.text, who: item.author })),
        },
      ]),
    );
  },
};

function markSet<Item extends lanes.WireRecordMark | lanes.WirePinMark | lanes.WireCommentMark>(
  id: number,
  found: lanes.WireMarks<Item> | undefined,
  range: View,
  cellMs: number,
  told: (item: Item) => { text: string; who: string },
): MarkSet {
  if (!found) return NO_MARKS;
  const own = found.items.filter((item) => item.source_id === id);
  const marks = own.map(
    (item): Mark => ({
      id: String(item.id),
      startMs: Date.parse(item.start_utc),
      endMs: item.end_utc === null ? null : Date.parse(item.end_utc),
      ...told(item),
    }),
  );
  const values = found.counts?.find((one) => one.source_id === id)?.values;
  return { marks, counts: values ? { startMs: range.startMs, cellMs, values } : null };
}
