import { expect, test } from 'vitest';
import { instantOf } from './film';

test('a moment of a film without its gaps is looked up in the piece that it is in', () => {
  const pieces = [
    { media_s: 0, start_utc: '2026-11-20T22:44:05Z' },
    { media_s: 10, start_utc: '2026-11-20T23:00:00Z' },
  ];
  const at = (timeS: number) => new Date(instantOf(pieces, timeS) ?? 0).toISOString();
  expect(at(0)).toBe('2026-11-20T22:44:05.000Z');
  expect(at(9.5)).toBe('2026-11-20T22:44:14.500Z');
  expect(at(10.25)).toBe('2026-11-20T23:00:00.250Z');
  expect(instantOf([], 3)).toBeNull();
});
