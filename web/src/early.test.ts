/** Asked early, taken once: against a real server. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { askEarly, takeEarly } from './early';

let server: Server;
let base = '';
const asked: string[] = [];
let ended = 0;

beforeAll(async () => {
  server = createServer((request, answer) => {
    asked.push(`${request.url} ${request.headers.accept}`);
    if (request.url?.startsWith('/never')) answer.on('close', () => (ended += 1));
    else answer.writeHead(request.url === '/refused' ? 403 : 200).end('{"told": true}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test('an answer is taken once, with its JSON', async () => {
  const before = Date.now();
  expect(await askEarly(`${base}/list`)).toEqual({ told: true });
  const early = takeEarly(`${base}/list`);
  expect(early?.askedMs).toBeGreaterThanOrEqual(before);
  expect((await early?.answer)?.status).toBe(200);
  expect(await early?.body).toEqual({ told: true });
  expect(takeEarly(`${base}/list`)).toBe(null);
  expect(takeEarly(`${base}/other`)).toBe(null);
  expect(asked).toEqual(['/list application/json']);
});

test('a refusal is left to who takes it, with all that it says', async () => {
  expect(await askEarly(`${base}/refused`)).toBe(null);
  const answer = await takeEarly(`${base}/refused`)?.answer;
  expect([answer?.status, await answer?.text()]).toEqual([403, '{"told": true}']);
});

test('what is taken ends with the signal of who took it', async () => {
  const [soon, before] = [new AbortController(), new AbortController()];
  void askEarly(`${base}/never/soon`).catch(() => undefined);
  const early = takeEarly(`${base}/never/soon`, soon.signal);
  soon.abort();
  await expect(early?.answer).rejects.toThrow(/abort/i);
  void askEarly(`${base}/never/before`).catch(() => undefined);
  before.abort();
  await expect(takeEarly(`${base}/never/before`, before.signal)?.body).rejects.toThrow(/abort/i);
});

test('what nobody takes is dropped after a while, and its connection freed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const before = ended;
  const never = expect(askEarly(`${base}/never/taken`)).rejects.toThrow(/abort/i);
  await vi.waitUntil(() => asked.some((one) => one.startsWith('/never/taken')), { interval: 5 });
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  await never;
  await vi.waitUntil(() => ended > before);
  expect(takeEarly(`${base}/never/taken`)).toBe(null);
});
