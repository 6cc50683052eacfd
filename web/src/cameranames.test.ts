import { expect, test } from 'vitest';
import { namesOf, toldApart } from './cameranames';

test('cameras of one name are told apart by their numbers, others are left alone', () => {
  const list = ['Gate', 'Yard', 'Gate'].map((name, at) => ({ id: at + 1, name }));
  expect(toldApart(list).map(({ name }) => name)).toEqual(['Gate #1', 'Yard', 'Gate #3']);
});

test('a camera is known by its name with and without its number', () => {
  expect(namesOf({ source: { id: 3, description: 'Gate\nby the road' } })).toEqual(['Gate', 'Gate #3']);
});
