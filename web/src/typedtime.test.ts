import { expect, test } from 'vitest';
import { type Here, readTyped } from './typedtime';
import { zoneOf } from './zones';

const NOW = Date.parse('2026-11-27T10:00:00Z'); // a Friday
const here = (language: string, zone = 'UTC'): Here => ({ language, zone: zoneOf(zone), nowMs: NOW });
const read = (text: string, language = 'en', zone = 'UTC') => {
  const found = readTyped(text, here(language, zone));
  return found && new Date(found.instants[0] ?? 0).toISOString().replace('.000Z', '');
};

test('a time alone is the last one of its kind', () => {
  expect(read('9:03')).toBe('2026-11-27T09:03:00');
  expect(read('14:03')).toBe('2026-11-26T14:03:00'); // it has not come today
  expect(read('14h03', 'vi', 'Asia/Ho_Chi_Minh')).toBe('2026-11-27T07:03:00');
  expect(read('2:03 pm')).toBe('2026-11-26T14:03:00');
  expect(read('12 am')).toBe('2026-11-27T00:00:00');
  expect(read('08:00:02.25')).toBe('2026-11-27T08:00:02.250Z');
});

test('days are said in the language of the page, with and without a year', () => {
  for (const [text, language] of [
    ['yesterday 14:03', 'en'],
    ['14:03 yesterday', 'en'],
    ['Yesterday at 14:03', 'en'],
    ['вчера в 14:03', 'ru'],
    ['hôm qua 14:03', 'vi'],
    ['26.11. 14:03', 'ru'],
    ['26.11.26 14:03', 'ru'],
    ['26 ноября 14:03', 'ru'],
    ['11/26 14:03', 'en'],
    ['26/11 14:03', 'en'], // there is no month 26
    ['26/11/2026 14:03', 'vi'],
    ['26 thg 11 14:03', 'vi'],
    ['lúc 14:03 ngày 26/11', 'vi'],
    ['nov 26 14:03', 'en'],
    ['26 november 2026 14:03', 'en'],
    ['thursday 14:03', 'en'],
    ['чт 14:03', 'ru'],
    ['2026-11-26 14:03', 'en'],
    ['2026-11-26T21:03+07:00', 'en'],
  ] as const)
    expect(`${text}: ${read(text, language)}`).toBe(`${text}: 2026-11-26T14:03:00`);
  expect(read('2/3 8:00', 'en')).toBe('2026-02-03T08:00:00');
  expect(read('2/3 8:00', 'vi')).toBe('2026-03-02T08:00:00');
  expect(read('31.12. 8:00', 'ru')).toBe('2025-12-31T08:00:00'); // this year's has not come yet
});

test('a day alone is its begin', () => {
  expect(readTyped('yesterday', here('en'))).toEqual({
    instants: [Date.parse('2026-11-26T00:00:00Z')],
    isLeftOut: false,
    isDay: true,
  });
  expect(read('26.11.2026', 'ru', 'Europe/Moscow')).toBe('2026-11-25T21:00:00');
});

test('what the page writes it reads, in each language and month', () => {
  for (const language of ['en', 'ru', 'vi'])
    for (let month = 0; month < 12; month += 1) {
      const ms = Date.UTC(2025, month, 9, 14, 3, 7);
      const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' }).format(ms);
      expect(`${day} ${readTyped(`${day}, 14:03:07`, here(language))?.instants[0]}`).toBe(`${day} ${ms}`);
    }
});

test('times that come twice are both given, and those that are left out are told', () => {
  const berlin = { ...here('en', 'Europe/Berlin') };
  expect(readTyped('2025-10-26 02:30', berlin)?.instants).toHaveLength(2);
  expect(readTyped('2025-03-30 02:30', berlin)?.isLeftOut).toBe(true);
});

test('what is no time is none', () => {
  for (const text of ['', 'tomorrow', '25:00', '31.02. 8:00', '14:60', 'x 14:03', '13 pm', '2026', 'nov'])
    expect(`${text}: ${read(text)}`).toBe(`${text}: null`);
});
