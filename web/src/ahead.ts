/**
 * Loaded first and alone: asks for what the page surely shows, while the rest of the scripts is fetched, read and run.
 * Who needs an answer takes it by its path (early.ts); where nobody does, as the view came to be another, it is dropped.
 */
import { coveragePath, GROUPS, OPEN_RECORDS, SOURCES } from './api/paths';
import { askEarly } from './early';
import { boundsOf, boundsOfRow, COVERAGE, levelFor, resolutionMs, rowsOf, tilesIn } from './timeline/tiles';
import { idsOf, MOST_CAMERAS, viewOf } from './timelineaddress';

const BESIDE_PX = 200; // what of the window's width the lanes do not have; levels differ fourfold, so about is enough

/** The tiles of the coverage that is seen first, in one request. */
function askCoverage(query: URLSearchParams, ids: readonly number[]): void {
  if (!ids.length) return;
  const nowMs = Date.now();
  const view = viewOf(query, nowMs);
  const level = levelFor(COVERAGE, view, (innerWidth - BESIDE_PX) * Math.min(devicePixelRatio || 1, 2));
  const tiles = tilesIn(COVERAGE, level, view).filter((tile) => boundsOf(COVERAGE, tile).startMs < nowMs);
  for (const row of rowsOf(tiles.map((tile) => ({ tile, ids })))) {
    const { startMs, endMs } = boundsOfRow(COVERAGE, row);
    void askEarly(coveragePath(ids, startMs, endMs > nowMs ? null : endMs, resolutionMs(COVERAGE, level) / 1000));
  }
}

async function askAhead(): Promise<void> {
  const isTimeline = location.pathname === '/view/timeline';
  const query = new URLSearchParams(location.search);
  const named = idsOf(query).slice(0, MOST_CAMERAS);
  if (isTimeline) askCoverage(query, named);
  const sources = askEarly(SOURCES);
  void askEarly(OPEN_RECORDS);
  void askEarly(GROUPS);
  if (!isTimeline || named.length) return;
  const known = ((await sources) ?? []) as { id: number }[];
  askCoverage(
    query,
    known.slice(0, MOST_CAMERAS).map(({ id }) => id),
  );
}

// A page that nobody sees yet asks for nothing before it is seen.
if (!document.hidden) askAhead().catch(() => undefined); // whoever asks anew is told why
