import { expect, test } from 'vitest';
import { fieldText, instantOf } from './zonefield';

test('a field shows an instant in the chosen zone and gives the same back', () => {
  const ms = Date.parse('2026-11-20T22:44:05Z');
  expect(fieldText(ms, 'UTC')).toBe('2026-11-20T22:44:05');
  expect(fieldText(ms, 'Asia/Ho_Chi_Minh')).toBe('2026-11-21T05:44:05');
  for (const zone of ['UTC', 'Asia/Ho_Chi_Minh', 'Europe/Berlin', 'America/St_Johns'])
    expect(instantOf(fieldText(ms, zone), zone)).toBe(ms);
});

test('of two equal times the first is meant, and a time that is left out lies behind the jump', () => {
  expect(instantOf('2026-10-25T02:30:00', 'Europe/Berlin')).toBe(Date.parse('2026-10-25T00:30:00Z'));
  expect(instantOf('2026-03-29T02:30:00', 'Europe/Berlin')).toBe(Date.parse('2026-03-29T01:30:00Z'));
});

test('an empty field and a broken one mean no instant', () => {
  expect(instantOf('', 'UTC')).toBeNull();
  expect(instantOf('yesterday', 'UTC')).toBeNull();
});
