import { expect, test } from 'vitest';
import { clockOf, secondsOf, spanOf } from './seconds';

test.each([
  [0, 0, '00:00'],
  [65.49, 0, '01:05'],
  [59.96, 1, '01:00.0'],
  [3665.25, 2, '1:01:05.25'],
])('%d s with %d digits is %s', (seconds, digits, text) => {
  expect(clockOf(seconds, digits)).toBe(text);
});

test.each([
  ['', null],
  ['65', 65],
  ['1:05', 65],
  ['01:05,5', 65.5],
  ['1:01:05.25', 3665.25],
  ['90:00', 5400],
])('"%s" is %s seconds', (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});

test.each(['1:65', 'soon', '-5', '1:2:3:4', '1:75:00'])('"%s" is no time', (text) => {
  expect(secondsOf(text)).toBeNaN();
});

test('a span without an end is a moment', () => {
  expect(spanOf(65, null)).toBe('01:05');
  expect(spanOf(65, 65.2)).toBe('01:05');
  expect(spanOf(65, 70.5)).toBe('01:05–01:11');
  expect(spanOf(null, null)).toBe('');
});
