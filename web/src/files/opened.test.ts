/** When what is known of an opened file is asked for: against a real server, by a clock that is put forward. */
import '../nobrowser';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';

const { OpenedFile } = await import('./opened');

const [reach, later] = [fetch, setTimeout];
let stream: ServerResponse | null = null;
let isFailing = true;
let reports = 0;
/** Failures that are told when the test says so. */
let held: (() => void)[] = [];
const server = createServer((request, answer) => {
  if (request.url?.startsWith('/download/')) {
    stream = answer.writeHead(200, { 'Content-Type': 'text/event-stream' });
    stream.flushHeaders();
    return;
  }
  const isReport = request.url?.includes('report') ?? false;
  if (isReport) reports += 1;
  if (isReport && isFailing) held.push(() => answer.writeHead(503).end());
  else answer.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
});

/** Wait in true time, however long it takes. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((done) => later(done, 5));
}

const happen = (type: string) =>
  stream?.write(`id: 1\ndata: ${JSON.stringify({ type, status: 'ready', at_utc: new Date().toISOString() })}\n\n`);

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  globalThis.fetch = (path, init) => reach(`${base}${path}`, init); // as a browser, which knows where it is
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  [stream, isFailing, reports, held] = [null, true, 0, []];
});

afterEach(() => vi.useRealTimers());

/** A file whose report failed once, and whose events are heard. */
async function opened() {
  const one = new OpenedFile(1);
  const heard: string[] = [];
  one.onFresh = ({ type }) => heard.push(type);
  one.begin();
  await until(() => one.isLive.peek() && held.length > 0);
  for (const tell of held) tell();
  await until(() => one.error.peek() !== null);
  return { one, heard };
}

test('what happens after a failure is looked at at once, and not when what failed would be', async () => {
  const { one, heard } = await opened();
  isFailing = false;
  happen('result');
  await until(() => heard.includes('result'));
  vi.advanceTimersByTime(150);
  await until(() => reports > 1 && one.error.peek() === null);
  one.end();
});

test('what failed is asked for again by itself, and not with each part that comes of the file', async () => {
  const { one, heard } = await opened();
  happen('progress');
  await until(() => heard.includes('progress'));
  vi.advanceTimersByTime(150);
  for (let turn = 0; turn < 3; turn += 1) await fetch('/something-else'); // what was asked for before would be here
  expect(reports).toBe(1);
  isFailing = false;
  vi.advanceTimersByTime(5000);
  await until(() => reports > 1 && one.error.peek() === null);
  one.end();
});
