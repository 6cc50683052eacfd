import { describe, expect, test } from 'vitest';
import { FrameSteps } from './framesteps';

/** A film whose frames begin at these seconds, told to a microsecond as browsers do; counts how often it is looked at. */
function filmOf(begins: number[]) {
  const looks: number[] = [];
  const show = async (atS: number) => {
    looks.push(atS);
    return Math.floor((begins.findLast((begin) => begin <= atS + 1e-9) ?? 0) * 1e6) / 1e6;
  };
  return { show, looks, endS: (begins.at(-1) ?? 0) + 0.04 };
}

const steady = (rate: number, count: number) => Array.from({ length: count }, (_, n) => n / rate);
const FILMS = {
  '24 a second': steady(24, 40),
  '29.97 a second': steady(30_000 / 1001, 40),
  '60 a second': steady(60, 40),
  '120 a second': steady(120, 40),
  '10 a second': steady(10, 40),
  'one a second': steady(1, 10),
  'of changing length': [0, 0.033, 0.067, 0.1, 0.5, 0.508, 0.516, 1.2, 1.233, 1.241, 1.3, 1.31],
};

describe.each(Object.entries(FILMS))('a film of %s', (_, begins) => {
  test('shows each frame once on the way to its end, and once on the way back', async () => {
    const { show, endS } = filmOf(begins);
    const steps = new FrameSteps(show);
    const seen = [0];
    for (const _frame of begins.slice(1)) seen.push(await steps.on(seen.at(-1) ?? 0, endS));
    expect(seen.map((at) => at.toFixed(4))).toEqual(begins.map((at) => (Math.floor(at * 1e6) / 1e6).toFixed(4)));
    const back = [seen.at(-1) ?? 0];
    for (const _frame of begins.slice(1)) back.push(await steps.back(back.at(-1) ?? 0));
    expect(back).toEqual(seen.toReversed());
  });
});

test('once the length of a frame is known a step is one look', async () => {
  const { show, looks, endS } = filmOf(steady(60, 40));
  const steps = new FrameSteps(show);
  let at = await steps.on(0, endS);
  const before = looks.length;
  for (let count = 0; count < 10; count += 1) at = await steps.on(at, endS);
  for (let count = 0; count < 10; count += 1) at = await steps.back(at);
  expect(looks.length - before).toBe(20);
});

test('at the end, and at the begin, the frame stays', async () => {
  const begins = steady(25, 10);
  const { show, endS } = filmOf(begins);
  const steps = new FrameSteps(show);
  expect(await steps.on(0.36, endS)).toBe(0.36);
  expect(await steps.back(0)).toBe(0);
});
