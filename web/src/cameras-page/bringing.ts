/** What happens to the rows of a table: tests, a few at a time, and the import of those that were chosen. */
import { ApiError, type Detail, isAbort } from '../api/call';
import { addMany, type Trial, testSource } from '../api/cameras';
import type { Model } from '../api/sources';
import { pause } from '../pause';
import { start } from './recording';
import type { Row } from './rows';

const AT_ONCE = 2; // as many as the service tries for one account
const AGAIN_MS = 2000;

export type Outcome =
  | { kind: 'waits' | 'testing' }
  | { kind: 'tried'; trial: Trial }
  | { kind: 'refused'; detail: Detail[] };

/** Test one; where others are tested, wait and ask again. Null once the signal says that nobody waits for it. */
async function outcomeOf(row: Row, signal: AbortSignal): Promise<Outcome | null> {
  const { group_name: _, ...source } = row.source;
  for (;;) {
    try {
      return { kind: 'tried', trial: await testSource(source, signal) };
    } catch (error) {
      if (isAbort(error)) return null;
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 429) return { kind: 'refused', detail: error.detail };
    }
    await pause(AGAIN_MS, signal).catch(() => null); // broken off: asking says so
  }
}

/** Test rows; `tell` hears of each by its line. Ends early without an error when the signal says so. */
export async function testRows(
  rows: Row[],
  tell: (line: number, outcome: Outcome | null) => void,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...rows];
  for (const { line } of rows) tell(line, { kind: 'waits' });
  const work = async () => {
    for (let row = waiting.shift(); row && !signal.aborted; row = waiting.shift()) {
      tell(row.line, { kind: 'testing' });
      tell(row.line, await outcomeOf(row, signal));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (signal.aborted) for (const { line } of waiting) tell(line, null);
}

/** Add the rows, all of them or none; return the ids by line. Raises ApiError, whose `detail` names rows from 0. */
export async function importRows(rows: Row[]): Promise<Map<number, number>> {
  const added = await addMany(rows.map(({ source }) => source));
  return new Map(rows.map(({ line }, at) => [line, added[at]?.id ?? 0]));
}

/** Start what the column of tags says; return the tags that did not start, each with the reason. */
export async function recordRows(rows: Row[], ids: Map<number, number>): Promise<{ name: string; why: string }[]> {
  const failed: { name: string; why: string }[] = [];
  const models: Model[] = ['Source', 'PictureSource'];
  for (const name of new Set(rows.map(({ tag }) => tag).filter(Boolean))) {
    for (const model of models) {
      const mine = rows.filter((row) => row.tag === name && row.model === model).map(({ line }) => ids.get(line) ?? 0);
      if (!mine.length) continue;
      try {
        await start(name, model, mine);
      } catch (error) {
        failed.push({ name, why: (error as Error).message });
      }
    }
  }
  return failed;
}
