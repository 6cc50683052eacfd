import { expect, test } from 'vitest';
import type { CameraGroup } from '../cameras';
import { coverOf, freeName } from './cover';

const groups: CameraGroup[] = [
  { id: 'all', name: 'All', sourceIds: [1, 2, 3] },
  { id: 'doors', name: 'Doors', sourceIds: [1, 2] },
  { id: 'yard', name: 'Yard', sourceIds: [3] },
  { id: 'none', name: 'None', sourceIds: [] },
];
const cover = (ids: number[]) => coverOf(ids, groups)?.map((group) => group.id) ?? null;

test('cameras are started by the groups that are just they', () => {
  expect(cover([2, 1])).toEqual(['doors']);
  expect(cover([3, 2, 1])).toEqual(['all']);
  expect(coverOf([1, 2, 3], groups.slice(1))?.map((group) => group.id)).toEqual(['doors', 'yard']);
});

test('where no groups are just these cameras there is no cover', () => {
  expect(cover([1])).toBeNull();
  expect(cover([2, 3])).toBeNull();
  expect(cover([])).toBeNull();
});

test('a new group has a name that no other has', () => {
  expect(freeName('night', groups)).toBe('night');
  expect(freeName('Yard', [...groups, { id: 'x', name: 'Yard 2', sourceIds: [] }])).toBe('Yard 3');
});
