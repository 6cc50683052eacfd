import { expect, test } from 'vitest';
import type { CameraGroup } from '../cameras';
import { coverOf } from './cover';

const groups: CameraGroup[] = [
  { id: 'all', name: 'All', sourceIds: [1, 2, 3] },
  { id: 'doors', name: 'Doors', sourceIds: [1, 2] },
  { id: 'yard', name: 'Yard', sourceIds: [3] },
  { id: 'none', name: 'None', sourceIds: [] },
];
const cover = (ids: number[], among = groups) => {
  const found = coverOf(ids, among);
  return [found.groups.map((group) => group.id), found.rest];
};

test('cameras are started by the groups that are just they', () => {
  expect(cover([2, 1])).toEqual([['doors'], []]);
  expect(cover([3, 2, 1])).toEqual([['all'], []]);
  expect(cover([1, 2, 3], groups.slice(1))).toEqual([['doors', 'yard'], []]);
});

test('a group that has other cameras too is not started, and what is left over is named', () => {
  expect(cover([1])).toEqual([[], [1]]);
  expect(cover([2, 3])).toEqual([['yard'], [2]]);
  expect(cover([])).toEqual([[], []]);
});
