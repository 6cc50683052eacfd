/** What is asked for first, and in how many requests. */
import { expect, test, vi } from 'vitest';
import { DAY_MS } from '../lengths';
import { Slots } from '../parts/slots';
import { type Asked, Feed, type Origin } from './feed';
import { type Spans, spansWithin } from './runs';
import { spanOf } from './scale';
import { boundsOf, COVERAGE, levelFor, resolutionMs, tilesIn } from './tiles';

const NOW_MS = Date.UTC(2026, 10, 27, 12);
const YEAR = { startMs: NOW_MS - 354 * DAY_MS, endMs: NOW_MS + 11 * DAY_MS };
const WIDTH = 1700;
const IDS = [1, 2];

/** A service whose footage begins each day at midnight and lasts till noon; answers when it is told to. */
function service() {
  const asked: (Asked & { resolutionMs: number; ids: number[] })[] = [];
  const answers: (() => void)[] = [];
  const origin: Origin<Spans> = {
    shape: COVERAGE,
    rank: 0,
    mostIds: 64,
    mostWeight: 100_000,
    weigh: (spans) => spans.length,
    cut: spansWithin,
    load: (ids, range, finestMs) => {
      asked.push({ ...range, ids, resolutionMs: finestMs });
      const spans: number[] = [];
      for (let ms = Math.floor(range.startMs / DAY_MS) * DAY_MS; ms < range.endMs; ms += DAY_MS) {
        const [fromMs, toMs] = [Math.max(ms, range.startMs), Math.min(ms + DAY_MS / 2, range.endMs)];
        if (fromMs < toMs) spans.push(fromMs, toMs);
      }
      const found = new Map(ids.map((id) => [id, Float64Array.from(spans)]));
      return new Promise((done) => answers.push(() => done(found)));
    },
  };
  return { asked, answers, origin };
}

const turns = () => new Promise((done) => setTimeout(done, 5));

function looking(origin: Origin<Spans>, isListed = () => true) {
  const world = { nowMs: () => NOW_MS, isSeen: () => true, isListed, changed: () => undefined };
  const feed = new Feed(origin, new Slots(5), world);
  const draw = () => {
    feed.want(IDS, YEAR, WIDTH);
    feed.settle();
  };
  return { feed, draw };
}

test('all that a view shows is asked for at once, in one request, and nothing else before it is there', async () => {
  const { asked, answers, origin } = service();
  const { feed, draw } = looking(origin);
  draw();
  draw();
  await turns();
  const level = levelFor(COVERAGE, YEAR, WIDTH);
  const [first] = tilesIn(COVERAGE, level, YEAR);
  expect(first && boundsOf(COVERAGE, first).startMs).toBe(asked[0]?.startMs);
  expect(asked).toEqual([
    { startMs: asked[0]?.startMs, endMs: NOW_MS, isOpen: true, ids: IDS, resolutionMs: resolutionMs(COVERAGE, level) },
  ]);
  expect(feed.isWhole).toBe(false);
  answers[0]?.();
  await turns();
  draw();
  expect(feed.isWhole).toBe(true);
  expect(asked).toHaveLength(1); // what has come is drawn first
  await vi.waitUntil(() => asked.length > 1, 10_000); // what is coarser, for who looks further
  expect(asked.slice(1).every((one) => one.resolutionMs > (asked[0]?.resolutionMs ?? 0) || !one.isOpen)).toBe(true);
  feed.stop();
});

test('a tile that is still to come is not waited for', async () => {
  const { asked, answers, origin } = service();
  const { feed } = looking(origin);
  const level = levelFor(COVERAGE, YEAR, WIDTH);
  const tileMs = spanOf(boundsOf(COVERAGE, { level, index: 0 }));
  const view = { startMs: NOW_MS - 200 * DAY_MS, endMs: NOW_MS + tileMs };
  feed.want(IDS, view, WIDTH / 2);
  feed.settle();
  await turns();
  answers[0]?.();
  await turns();
  expect(feed.isWhole).toBe(true);
  await vi.waitUntil(() => asked.length > 1, 10_000);
  expect(asked.every(({ startMs, endMs }) => startMs < NOW_MS && endMs <= NOW_MS)).toBe(true);
  feed.stop();
});

test('what came in one request is drawn tile by tile as if each had come alone', async () => {
  const { answers, origin } = service();
  const { feed, draw } = looking(origin);
  draw();
  await turns();
  answers[0]?.();
  await turns();
  const drawn = feed.drawn(1, YEAR, WIDTH);
  expect(drawn.length).toBeGreaterThan(3);
  expect(drawn.reduce((sum, piece) => sum + piece.endMs - piece.startMs, 0)).toBe(spanOf(YEAR));
  for (const { tile, value } of drawn) {
    if (!tile || !value) throw new Error('nothing is known');
    const { startMs, endMs } = boundsOf(COVERAGE, tile);
    const days = Math.ceil((Math.min(endMs, NOW_MS) - startMs) / DAY_MS);
    expect(value.length / 2).toBeGreaterThanOrEqual(days - 1);
    expect(value.length / 2).toBeLessThanOrEqual(days + 1);
    expect(value[1]).toBeGreaterThan(startMs);
    expect(value.at(-2)).toBeLessThan(endMs);
  }
  feed.stop();
});

test('what fails is asked for again, and still nothing beside it', async () => {
  const { asked, origin } = service();
  const { feed, draw } = looking({
    ...origin,
    load: async (ids, range, finestMs, signal) => {
      void origin.load(ids, range, finestMs, signal);
      throw new Error('no service');
    },
  });
  draw();
  await turns();
  draw();
  await turns();
  expect(asked).toHaveLength(1);
  expect(feed.failure).toEqual(new Error('no service'));
  await vi.waitUntil(() => asked.length > 1, 10_000);
  expect(asked[1]).toEqual(asked[0]);
  feed.stop();
});

test('before it is known which cameras there are, what is asked for ahead is asked for once, and nothing else', async () => {
  const { asked, origin } = service();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  let [isListed, isRefused] = [false, true];
  const refusing = (isAhead: boolean): Origin<Spans> => ({
    ...origin,
    isAhead,
    load: (ids, range, finestMs, signal) => {
      const found = origin.load(ids, range, finestMs, signal);
      return isRefused ? Promise.reject(new Error('refused')) : found;
    },
  });
  const [ahead, other] = [true, false].map((isAhead) => looking(refusing(isAhead), () => isListed));
  other?.draw();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(0);
  ahead?.draw();
  await vi.advanceTimersByTimeAsync(60_000); // longer than until any retry
  expect(asked).toHaveLength(1);
  [isListed, isRefused] = [true, false];
  const [only] = IDS;
  for (const one of [ahead, other]) one?.feed.want(only === undefined ? [] : [only], YEAR, WIDTH);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked.slice(1).map(({ ids }) => ids)).toEqual([[only], [only]]);
  for (const one of [ahead, other]) one?.feed.stop();
  vi.useRealTimers();
});
