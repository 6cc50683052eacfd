import { expect, test } from 'vitest';
import { nearest, searchFrom } from './pick';

const moving = (sourceId: number, startMs: number) => ({ sourceId, startMs, endMs: startMs + 1000, peak: 0.1 });

test('of several cameras the nearest movement is taken, in either direction', () => {
  const found = [moving(1, 9000), null, moving(3, 5000)];
  expect(nearest(found, 'after')?.sourceId).toBe(3);
  expect(nearest(found, 'before')?.sourceId).toBe(1);
  expect(nearest([null, null], 'after')).toBeNull();
});

test('the stretch that was gone to is not found again by the frame that is shown there', () => {
  expect(searchFrom(4960, moving(1, 5000))).toBe(5000);
  expect(searchFrom(5800, moving(1, 5000))).toBe(5000);
  expect(searchFrom(9000, moving(1, 5000))).toBe(9000);
  expect(searchFrom(9000, null)).toBe(9000);
});
