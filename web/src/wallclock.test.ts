import { expect, test } from 'vitest';
import { exactText, fieldText, instantOf, meantBy, readField } from './wallclock';
import { zoneOf } from './zones';

const ms = Date.parse('2026-11-21T08:00:01.250Z');

test('an instant is written and read in the chosen zone, to the millisecond', () => {
  expect(exactText(ms, 'UTC')).toBe('2026-11-21 08:00:01.250');
  expect(exactText(ms, 'Asia/Ho_Chi_Minh')).toBe('2026-11-21 15:00:01.250');
  for (const zone of ['UTC', 'Asia/Kathmandu', 'America/St_Johns', 'Europe/Moscow']) {
    expect(instantOf(exactText(ms, zone), zone)).toBe(ms);
  }
});

test('a field shows an instant in the chosen zone', () => {
  expect(fieldText(ms, 'UTC')).toBe('2026-11-21T08:00:01');
  expect(fieldText(ms, 'Asia/Ho_Chi_Minh')).toBe('2026-11-21T15:00:01');
});

test('a time that comes twice is the first, and one that is left out counts on from before the jump', () => {
  expect(instantOf('2026-10-25T02:30', 'Europe/Berlin')).toBe(Date.parse('2026-10-25T00:30Z'));
  expect(instantOf('2026-03-29T02:30', 'Europe/Berlin')).toBe(Date.parse('2026-03-29T01:30Z'));
});

test('what is typed may be short, and what is pasted may have an offset', () => {
  expect(instantOf('8:00:01,25', 'UTC', '2026-11-21')).toBe(ms);
  expect(instantOf(' 2026-11-21 08:00 ', 'UTC')).toBe(Date.parse('2026-11-21T08:00Z'));
  expect(instantOf('2026-11-21T15:00:01.250+07:00', 'UTC')).toBe(ms);
  expect(instantOf('2026-11-21T08:00:01.250Z', 'Asia/Ho_Chi_Minh')).toBe(ms);
});

test('a text that is no time is none', () => {
  const texts = [
    '',
    '2026',
    'yesterday',
    '2026-13-01T00:00',
    '2026-02-30T00:00',
    '08:00:01',
    '2026-11-21 25:00',
    '2026-11-21 08:60',
  ];
  for (const text of texts) expect(instantOf(text, 'UTC')).toBeNull();
});

test('a moment goes into the field and back, in any zone', () => {
  for (const name of ['UTC', 'Europe/Berlin', 'America/Sao_Paulo', 'Asia/Kathmandu']) {
    const zone = zoneOf(name);
    for (let step = 0; step < 300; step += 1) {
      const ms = Date.UTC(2018, 0, 1) + step * 31 * 3_600_000 + 17_000;
      const wall = readField(fieldText(ms, name));
      expect(wall && meantBy(zone, wall).instants).toContain(ms);
    }
  }
});

test('what stands in the field may be left out by the clock, come twice, or be nothing', () => {
  const berlin = zoneOf('Europe/Berlin');
  const meant = (text: string) => {
    const wall = readField(text);
    return wall && meantBy(berlin, wall);
  };
  expect(meant('2026-03-29T02:30')).toEqual({ instants: [Date.parse('2026-03-29T01:30:00Z')], isLeftOut: true });
  expect(meant('2026-10-25T02:30')?.instants).toHaveLength(2);
  expect(['', '2026-10-25', '2026-02-30T00:00', 'tomorrow'].map(meant)).toEqual(Array(4).fill(null));
});
