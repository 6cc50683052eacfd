import { expect, test } from 'vitest';
import { Clock } from './clock';
import { CALM_S, correct, Median, MOST, MOST_SILENT, SEEK_BEYOND_S } from './drift';
import { FrameTimes } from './frametimes';
import { aheadOf, showable } from './ranges';
import { shuttled } from './speeds';

test('the clock goes at its rate and stands while it is held', () => {
  let now = 1000;
  const clock = new Clock(() => now);
  clock.set(50_000);
  now += 300;
  expect(clock.ms).toBe(50_000);
  clock.run(2);
  now += 300;
  expect(clock.ms).toBe(50_600);
  clock.run(-4);
  now += 100;
  expect(clock.ms).toBe(50_200);
  clock.hold();
  now += 100;
  expect(clock.ms).toBe(50_200);
});

test('a clock that is to begin later stands until then', () => {
  let now = 0;
  const clock = new Clock(() => now);
  clock.set(1000);
  clock.run(1, 40);
  now = 30;
  expect(clock.ms).toBe(1000);
  now = 140;
  expect(clock.ms).toBe(1100);
});

test('drift is corrected by speed within bounds, and by a seek where it is large', () => {
  expect(correct(0, 1, 1)).toEqual({ kind: 'play', rate: 1 });
  expect(correct(CALM_S / 2, 2, 2)).toEqual({ kind: 'play', rate: 2 });
  expect(correct(0.2, 1, 1)).toEqual({ kind: 'play', rate: 1 - MOST });
  expect(correct(-0.2, 1, 1)).toEqual({ kind: 'play', rate: 1 + MOST });
  expect(correct(SEEK_BEYOND_S + 0.01, 1, 1)).toEqual({ kind: 'seek' });
  const slight = correct(-0.015, 1, 1);
  expect(slight.kind === 'play' && slight.rate).toBeGreaterThan(1);
  expect(slight.kind === 'play' && slight.rate).toBeLessThan(1.05);
});

test('a drifting picture comes back into step and stays there', () => {
  let [aheadS, speed] = [-0.12, 1];
  for (let tick = 0; tick < 400; tick += 1) {
    const done = correct(aheadS, 1, speed);
    if (done.kind === 'play') speed = done.rate;
    aheadS += (speed - 1) * 0.05;
  }
  expect(Math.abs(aheadS)).toBeLessThan(CALM_S);
  expect(speed).toBe(1);
});

test('a silent picture that was held up by four frames is back within one after a second, and does not swing', () => {
  let [aheadS, speed, worstAfterS, furthestS] = [-0.16, 1, 0, 0];
  const ahead = new Median(3);
  for (let tick = 0; tick < 100; tick += 1) {
    ahead.add(aheadS);
    const done = ahead.isFull ? correct(ahead.value, 1, speed, MOST_SILENT) : null;
    if (done?.kind === 'play' && done.rate !== speed) {
      speed = done.rate;
      ahead.clear();
    }
    aheadS += (speed - 1) * 0.05;
    if (tick >= 20) worstAfterS = Math.max(worstAfterS, Math.abs(aheadS));
    furthestS = Math.max(furthestS, aheadS);
  }
  expect(worstAfterS).toBeLessThan(0.04);
  expect(furthestS).toBeLessThan(0.01);
  expect(speed).toBe(1);
});

test('one late reading does not move the median', () => {
  const median = new Median(5);
  for (const value of [0.001, 0.002, 0.4, 0.001, 0.002]) median.add(value);
  expect(median.isFull).toBe(true);
  expect(median.value).toBe(0.002);
});

test('frames are stepped through by their own times', () => {
  const frames = new FrameTimes();
  frames.put([1000, 1040, 1090, 1120], 1160);
  expect(frames.at(1041)).toBe(1040);
  expect(frames.stepFrom(1041, 1)).toBe(1090);
  expect(frames.stepFrom(1090, -1)).toBe(1040);
  expect(frames.stepFrom(1120, 1)).toBeNull();
  expect(frames.stepFrom(1000, -1)).toBeNull();
  frames.put([1160, 1200], 1240);
  expect(frames.stepFrom(1120, 1)).toBe(1160);
  frames.put([1090, 1120], 1160); // the same once more
  expect(frames.stepFrom(1090, 1)).toBe(1120);
  frames.drop(1100, 1200);
  expect(frames.stepFrom(1090, 1)).toBe(1200);
});

test('a hole of a few frames is passed over, a long one is not', () => {
  const there = [
    { startMs: 1000, endMs: 2000 },
    { startMs: 2080, endMs: 4000 },
    { startMs: 9000, endMs: 9500 },
  ];
  expect(showable(there, 1500)).toBe(1500);
  expect(showable(there, 2010)).toBe(2080);
  expect(showable(there, 5000)).toBeNull();
  expect(aheadOf(there, 1500)).toBe(500);
  expect(aheadOf(there, 2010)).toBe(1990);
  expect(aheadOf(there, 9600)).toBe(0);
});

test('J and L go to 1× first, then faster, up to 32×', () => {
  expect(shuttled(0.25, true, 1)).toBe(1);
  expect(shuttled(1, false, 1)).toBe(1);
  expect(shuttled(1, true, 1)).toBe(2);
  expect(shuttled(32, true, 1)).toBe(32);
  expect(shuttled(8, true, -1)).toBe(-1);
  expect(shuttled(-2, true, -1)).toBe(-4);
});
