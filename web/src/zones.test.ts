import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './lengths';
import { asUtc, Zone, zoneOf } from './zones';

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Asia/Ho_Chi_Minh',
  'America/Sao_Paulo',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
];
const at = (text: string): number => Date.parse(text);
const lengthH = (zone: Zone, year: number, month: number, day: number) =>
  (zone.dayStart(year, month, day + 1) - zone.dayStart(year, month, day)) / HOUR_MS;

test('the day on which clocks are put forward has 23 hours, the other 25', () => {
  const berlin = zoneOf('Europe/Berlin');
  expect(lengthH(berlin, 2026, 3, 29)).toBe(23);
  expect(lengthH(berlin, 2026, 10, 25)).toBe(25);
  expect(lengthH(berlin, 2026, 11, 27)).toBe(24);
  expect(lengthH(zoneOf('Asia/Ho_Chi_Minh'), 2026, 3, 29)).toBe(24);
});

test('a midnight that does not exist gives way to the first moment of its day', () => {
  const saoPaulo = zoneOf('America/Sao_Paulo');
  const start = saoPaulo.dayStart(2018, 11, 4);
  expect(start).toBe(at('2018-11-04T03:00:00Z'));
  expect(saoPaulo.wall(start)).toMatchObject({ day: 4, hour: 1 });
  expect(saoPaulo.wall(start - 1000)).toMatchObject({ day: 3, hour: 23 });
  expect(lengthH(saoPaulo, 2018, 11, 4)).toBe(23);
  expect(lengthH(saoPaulo, 2019, 2, 16)).toBe(25);
  expect(lengthH(saoPaulo, 2020, 2, 16)).toBe(24); // given up in 2019
});

test('a day that a country left out has no length', () => {
  const apia = zoneOf('Pacific/Apia');
  expect(apia.dayStart(2011, 12, 30)).toBe(apia.dayStart(2011, 12, 31));
});

test('the wall clock reads what Intl says, at any time of a hundred years', () => {
  for (const name of ZONES) {
    const zone = new Zone(name);
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone: name, dateStyle: 'short', timeStyle: 'medium' });
    for (let step = 0; step < 400; step += 1) {
      const ms = Date.UTC(1950, 0, 1) + Math.floor((step * 91.27 * DAY_MS) / 1000) * 1000;
      expect(new Date(asUtc(zone.wall(ms))).toISOString().slice(0, 19).replace('T', ' ')).toBe(format.format(ms));
    }
  }
});

test('a reading leads back to its instant, also around every change of a year', () => {
  for (const name of ZONES) {
    const zone = zoneOf(name);
    const lost = [];
    for (let ms = at('2026-01-01T00:00:00Z'); ms < at('2027-01-02T00:00:00Z'); ms += 97 * MINUTE_MS) {
      if (!zone.instants(zone.wall(ms)).includes(ms)) lost.push(ms);
    }
    expect(lost).toEqual([]);
  }
});

test('a time that comes twice has two instants, one that is left out none', () => {
  const berlin = zoneOf('Europe/Berlin');
  const reading = { year: 2026, month: 10, day: 25, hour: 2, minute: 30, second: 0 };
  expect(berlin.instants(reading)).toEqual([at('2026-10-25T00:30:00Z'), at('2026-10-25T01:30:00Z')]);
  expect(berlin.isAmbiguous(at('2026-10-25T01:30:00Z'))).toBe(true);
  expect(berlin.isAmbiguous(at('2026-10-25T02:30:00Z'))).toBe(false);
  const leftOut = { ...reading, month: 3, day: 29 };
  expect(berlin.instants(leftOut)).toEqual([]);
  expect(berlin.instant(leftOut)).toBe(at('2026-03-29T01:30:00Z'));
});

test('steady stretches meet where the clock is set, and cover the range', () => {
  const berlin = zoneOf('Europe/Berlin');
  const found = berlin.steady(at('2026-01-01T00:00:00Z'), at('2027-01-01T00:00:00Z'));
  expect(found.map(({ startMs, aheadMs }) => [new Date(startMs).toISOString(), aheadMs / HOUR_MS])).toEqual([
    ['2026-01-01T00:00:00.000Z', 1],
    ['2026-03-29T01:00:00.000Z', 2],
    ['2026-10-25T01:00:00.000Z', 1],
  ]);
  expect(found.at(-1)?.endMs).toBe(at('2027-01-01T00:00:00Z'));
});

test('two equal readings of the clock are told apart by their offset', () => {
  expect(zoneOf('Europe/Berlin').offsetText(at('2026-10-25T00:30:00Z'), 'en')).toBe('GMT+2');
  expect(zoneOf('Europe/Berlin').offsetText(at('2026-10-25T01:30:00Z'), 'en')).toBe('GMT+1');
});

test('a zone that there is not is refused', () => {
  expect(() => new Zone('Mars/Olympus')).toThrow(RangeError);
});
