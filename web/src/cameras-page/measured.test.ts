/** When what was measured is asked for again: against a real server, by a clock that is put forward. */
import '../nobrowser';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Camera } from '../cameras';

const { measures, wantMeasured } = await import('./measured');

const [reach, later] = [fetch, setTimeout];
const asked: string[] = [];
/** What is answered for each camera, by its path; 200 where nothing else is said. */
const statuses = new Map<string, number>();
const server = createServer((request, answer) => {
  const id = /\/source\/(\d+)\//.exec(request.url ?? '')?.[1] ?? '';
  asked.push(id);
  answer.writeHead(statuses.get(id) ?? 200, { 'Content-Type': 'application/json' }).end('{}');
});

/** Wait in true time, however long it takes. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => later(done, 5));
}

const seen = (status: string, ...ids: number[]) =>
  wantMeasured(ids.map((id) => ({ id, status, isRecording: false }) as Camera));

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  globalThis.fetch = (path, init) => reach(`${base}${path}`, init); // as a browser, which knows where it is
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});

afterAll(() => {
  vi.useRealTimers();
  server.closeAllConnections();
  server.close();
});

test('what was not told is asked for again by itself, and what is refused with the next look alone', async () => {
  statuses.set('1', 503).set('2', 404);
  seen('online', 1, 2, 3, 4, 5, 6, 7);
  await until(() => asked.length === 7 && measures.peek().size === 5);
  expect([...asked].sort()).toEqual(['1', '2', '3', '4', '5', '6', '7']);
  statuses.clear();
  await until(() => {
    vi.advanceTimersByTime(10_000); // more than once where the failure had not come yet
    return measures.peek().has(1);
  });
  expect(asked.slice(7)).toEqual(['1']);
  seen('online', 1, 2, 3);
  await until(() => measures.peek().has(2));
  expect(asked.slice(8)).toEqual(['2']);
});

test('a camera is asked for again when its status is another', async () => {
  const before = asked.length;
  seen('offline', 3);
  seen('offline', 3);
  seen('offline', 4);
  await until(() => asked.includes('4', before));
  expect(asked.slice(before)).toEqual(['3', '4']);
});

test('a camera that cannot be asked is asked for again once each time, however often its status changes', async () => {
  statuses.set('5', 503);
  const isAnswered = async () => {
    for (let turn = 0; turn < 3; turn += 1) await fetch('/something-else');
  };
  for (const status of ['offline', 'no_video', 'unknown']) {
    asked.length = 0;
    seen(status, 5);
    await until(() => asked.includes('5'));
    await isAnswered();
    expect(asked.filter((id) => id === '5')).toHaveLength(1);
  }
  asked.length = 0;
  statuses.clear();
  vi.advanceTimersByTime(10_000);
  await until(() => asked.includes('5'));
  await isAnswered();
  expect(asked.filter((id) => id === '5')).toHaveLength(1);
});
