import './nobrowser';
import { beforeEach, expect, test } from 'vitest';
import type { Camera } from './cameras';

const { cameras, cameraName, toldName } = await import('./cameras');
const told = (id: number) => ({ source_id: id, description: 'Gate\nby the road' });

beforeEach(() => {
  cameras.value = [{ id: 1, name: 'Gate #1' } as Camera];
});

test('a camera of which something is told is called as it is everywhere', () => {
  expect(toldName(told(1))).toBe('Gate #1');
  expect(cameraName(1)).toBe('Gate #1');
});

test('what is in no list, or before there is one, is called by what is told of it', () => {
  expect(toldName(told(2))).toBe('Gate');
  cameras.value = null;
  expect(toldName(told(1))).toBe('Gate');
  expect(toldName({ source_id: 3, description: null })).toBe('#3');
});
