import { expect, test } from 'vitest';
import { placeOf, STEPS, shareAt } from './threshold';

test('the ends of the slider are the least and the most share', () => {
  expect(shareAt(0)).toBe(0.0005);
  expect(shareAt(STEPS)).toBe(0.5);
  expect(placeOf(0)).toBe(0);
  expect(placeOf(1)).toBe(STEPS);
});

test('a share is found at its place again, and more of the slider is more of the picture', () => {
  for (let place = 0; place <= STEPS; place += 1) expect(placeOf(shareAt(place))).toBe(place);
  for (let place = 1; place <= STEPS; place += 1) expect(shareAt(place)).toBeGreaterThan(shareAt(place - 1));
});
