import { expect, test } from 'vitest';
import { freeName } from './freename';

const groups = ['All', 'Doors', 'Yard', 'None'].map((name) => ({ name }));

test('a new group has a name that no other has', () => {
  expect(freeName('night', groups)).toBe('night');
  expect(freeName('Yard', [...groups, { name: 'Yard 2' }])).toBe('Yard 3');
  const long = 'n'.repeat(255);
  expect(freeName(long, [{ name: long }])).toBe(`${'n'.repeat(240)} 2`);
});
