import '../nobrowser';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nowMs } from '../instants';
import { HOUR_MS } from '../lengths';
import { ask, get, listed } from './call';

const AHEAD_MS = HOUR_MS;
const dated = (aheadMs: number) => ({ Date: new Date(Date.now() + aheadMs).toUTCString() });
/** A service whose clock is an hour ahead; a browser keeps its media, with the Date of when they came. */
const server = createServer((request, answer) => {
  const isMedia = request.url?.endsWith('.mp4');
  answer.writeHead(200, isMedia ? dated(-24 * HOUR_MS) : dated(AHEAD_MS));
  answer.end('[]');
});
let base = '';

beforeAll(async () => {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => server.close());

test('the clock is that of the lists, and not that of media which the browser kept', async () => {
  const aheadHours = () => Math.round((nowMs() - Date.now()) / HOUR_MS);
  expect(aheadHours()).toBe(0);
  await ask(`${base}/segment/1.mp4`);
  expect(aheadHours()).toBe(0);
  await get(`${base}/api/v1/source`);
  expect(aheadHours()).toBe(1);
  await ask(`${base}/segment/1.mp4`);
  expect(aheadHours()).toBe(1);
  await listed(`${base}/files/`);
  expect(aheadHours()).toBe(1);
});
