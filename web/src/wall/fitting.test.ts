import { expect, test } from 'vitest';
import { columnsFor } from './fitting';

test('pictures on a wall screen are as large as they can be', () => {
  expect(columnsFor(1, 1920, 1080, 120)).toBe(1);
  expect(columnsFor(4, 1920, 1080, 120)).toBe(2);
  expect(columnsFor(16, 3840, 2160, 120)).toBe(4);
  expect(columnsFor(2, 390, 844, 120)).toBe(1);
});

test('too many pictures for the screen are no smaller than the least', () => {
  expect(columnsFor(1000, 1200, 600, 120)).toBe(10);
  expect(columnsFor(5, 80, 600, 120)).toBe(1);
});
