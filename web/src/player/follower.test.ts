import '../nobrowser';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Follower } from './follower';
import { Shelf } from './shelf';

const BEGIN_MS = Date.parse('2026-11-21T08:00:00Z');
const ENTRY_MS = 4000;
const browserFetch = globalThis.fetch;
const statuses: number[] = [];
/** A camera of which so many pieces are whole: its list says 404 where none of them is within what is asked for. */
let count = 3;
const server = createServer((request, answer) => {
  const startMs = Date.parse(new URL(request.url ?? '', 'http://localhost').searchParams.get('start') ?? '');
  const listed = Array.from({ length: count }, (_, at) => BEGIN_MS + at * ENTRY_MS).filter(
    (ms) => ms + ENTRY_MS > startMs,
  );
  const status = listed.length ? 200 : 404;
  statuses.push(status);
  answer.writeHead(status, { 'Content-Type': 'application/json' });
  if (status === 404) return answer.end('{"detail": []}');
  const head = `#EXTM3U\n#EXT-X-MAP:URI="/init.mp4"\n#EXT-X-PROGRAM-DATE-TIME:${new Date(listed[0] ?? 0).toISOString()}\n`;
  return answer.end(head + listed.map((ms) => `#EXTINF:4.000,\n/${ms}.mp4\n`).join(''));
});

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  globalThis.fetch = (path, init) => browserFetch(new URL(String(path), base), init); // browsers know the page's address
});

afterAll(() => {
  globalThis.fetch = browserFetch;
  server.close();
});

test('a list that is begun anew holds what is there, so that it is never one of nothing', async () => {
  const shelf = new Shelf();
  const follower = new Follower(1, BEGIN_MS, shelf);
  for (; count < 120; count += 1) {
    expect(await follower.look()).toBe(true);
    expect(await follower.look()).toBe(true); // nothing new meanwhile
    expect(shelf.known?.endMs).toBe(BEGIN_MS + count * ENTRY_MS);
  }
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(shelf.entries.map(({ startMs }) => (startMs - BEGIN_MS) / ENTRY_MS)).toEqual([...Array(count - 1).keys()]);
});
