import { expect, test } from 'vitest';
import { fieldMs, fieldText } from './walltime';

const ms = Date.parse('2026-11-21T08:00:01.250Z');

test('an instant is written and read in the chosen zone, to the millisecond', () => {
  expect(fieldText(ms, 'UTC')).toBe('2026-11-21 08:00:01.250');
  expect(fieldText(ms, 'Asia/Ho_Chi_Minh')).toBe('2026-11-21 15:00:01.250');
  for (const zone of ['UTC', 'Asia/Kathmandu', 'America/St_Johns', 'Europe/Moscow']) {
    expect(fieldMs(fieldText(ms, zone), zone)).toBe(ms);
  }
});

test('a time that comes twice is the first, and one that is left out counts on from before the jump', () => {
  expect(fieldMs('2026-10-25T02:30', 'Europe/Berlin')).toBe(Date.parse('2026-10-25T00:30Z'));
  expect(fieldMs('2026-03-29T02:30', 'Europe/Berlin')).toBe(Date.parse('2026-03-29T01:30Z'));
});

test('what is typed may be short, and what is pasted may have an offset', () => {
  expect(fieldMs('8:00:01,25', 'UTC', '2026-11-21')).toBe(ms);
  expect(fieldMs(' 2026-11-21 08:00 ', 'UTC')).toBe(Date.parse('2026-11-21T08:00Z'));
  expect(fieldMs('2026-11-21T15:00:01.250+07:00', 'UTC')).toBe(ms);
  expect(fieldMs('2026-11-21T08:00:01.250Z', 'Asia/Ho_Chi_Minh')).toBe(ms);
});

test('a text that is no time is none', () => {
  for (const text of ['', '2026', 'nonsense', '2026-13-01T00:00', '08:00:01', '2026-11-21 25:00'])
    expect(fieldMs(text, 'UTC')).toBeNull();
});
