import { expect, test } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../lengths';
import { type Zone, zoneOf } from '../zones';
import { spanOf } from './scale';
import { contextOf, contextUnit, STEPS, type Step, stepFor, ticksOf } from './ticks';

const ZONES = ['UTC', 'Europe/Berlin', 'Asia/Ho_Chi_Minh', 'America/Sao_Paulo', 'Asia/Kathmandu'];
const at = (text: string): number => Date.parse(text);
const stepOf = (unit: string, count: number): Step => {
  const found = STEPS.find((one) => one.unit === unit && one.count === count);
  if (!found) throw new Error(`no step of ${count} ${unit}`);
  return found;
};
const HOURS = stepOf('hour', 1);

test('lines are as far apart as asked for, and no further than the next finer step would be', () => {
  for (const spanMs of [
    MINUTE_MS,
    15 * MINUTE_MS,
    HOUR_MS,
    6 * HOUR_MS,
    DAY_MS,
    7 * DAY_MS,
    30 * DAY_MS,
    365 * DAY_MS,
  ]) {
    const view = { startMs: at('2026-06-01T00:00:00Z'), endMs: at('2026-06-01T00:00:00Z') + spanMs };
    const step = stepFor(view, 1600, 76);
    const finer = STEPS[STEPS.indexOf(step) - 1];
    expect((step.lengthMs / spanMs) * 1600).toBeGreaterThanOrEqual(76);
    if (finer) expect((finer.lengthMs / spanMs) * 1600).toBeLessThan(76);
  }
});

/** Whether an instant is where a line of a step may stand. */
function isRound(ms: number, step: Step, zone: Zone): boolean {
  const { year, month, day, hour, minute, second } = zone.wall(ms);
  if (step.lengthMs >= DAY_MS) return ms === zone.dayStart(year, month, day);
  return ((hour * 3600 + minute * 60 + second) * 1000) % step.lengthMs === 0;
}

test.each(ZONES)('every line stands at a round reading of %s, in order, within the view', (name) => {
  const zone = zoneOf(name);
  for (const [number, step] of [...STEPS, ...STEPS, ...STEPS].entries()) {
    const startMs = at('2018-01-13T05:17:31Z') + number * 17 * DAY_MS;
    const view = { startMs, endMs: startMs + 40 * step.lengthMs };
    const ticks = ticksOf(view, step, zone);
    expect(ticks.length).toBeGreaterThan(30);
    expect(ticks).toEqual([...new Set(ticks)].sort((one, other) => one - other));
    expect(ticks.filter((ms) => !isRound(ms, step, zone))).toEqual([]);
  }
});

test('an hour that comes twice has two lines, one that is left out none', () => {
  const berlin = zoneOf('Europe/Berlin');
  const day = (date: string) => ({
    startMs: at(`${date}T00:00:00Z`) - 3 * HOUR_MS,
    endMs: at(`${date}T00:00:00Z`) + 24 * HOUR_MS,
  });
  const hours = (date: string) =>
    ticksOf(day(date), HOURS, berlin)
      .map((ms) => berlin.wall(ms))
      .filter(({ day: number }) => number === Number(date.slice(-2)))
      .map(({ hour }) => hour);
  expect(hours('2026-10-25').filter((hour) => hour === 2)).toHaveLength(2);
  expect(hours('2026-10-25')).toHaveLength(25);
  expect(hours('2026-03-29')).not.toContain(2);
  expect(hours('2026-03-29')).toHaveLength(23);
});

test('a day without a midnight has its line where it begins', () => {
  const saoPaulo = zoneOf('America/Sao_Paulo');
  const view = { startMs: at('2018-11-02T12:00:00Z'), endMs: at('2018-11-06T12:00:00Z') };
  const ticks = ticksOf(view, stepOf('day', 1), saoPaulo);
  expect(ticks.map((ms) => saoPaulo.wall(ms).day)).toEqual([3, 4, 5, 6]);
  expect(ticks.map((ms) => saoPaulo.wall(ms).hour)).toEqual([0, 1, 0, 0]);
});

test('weeks begin on Mondays, over the turn of the year too', () => {
  const view = { startMs: at('2026-12-20T00:00:00Z'), endMs: at('2027-01-20T00:00:00Z') };
  for (const name of ZONES) {
    const zone = zoneOf(name);
    const days = ticksOf(view, stepOf('week', 1), zone).map((ms) => zone.wall(ms));
    expect(days.map(({ month, day }) => `${month}-${day}`)).toEqual(['12-21', '12-28', '1-4', '1-11', '1-18']);
  }
});

test('months and quarters go over the turn of the year', () => {
  const zone = zoneOf('Asia/Ho_Chi_Minh');
  const view = { startMs: at('2026-08-15T00:00:00Z'), endMs: at('2027-05-15T00:00:00Z') };
  const months = (count: number) => ticksOf(view, stepOf('month', count), zone).map((ms) => zone.wall(ms).month);
  expect(months(1)).toEqual([9, 10, 11, 12, 1, 2, 3, 4, 5]);
  expect(months(3)).toEqual([10, 1, 4]);
});

test('days, months and years above the lines cover the view without gaps', () => {
  for (const name of ZONES) {
    const zone = zoneOf(name);
    for (const step of STEPS) {
      const unit = contextUnit(step);
      const view = { startMs: at('2026-10-20T07:00:00Z'), endMs: at('2026-10-20T07:00:00Z') + 15 * step.lengthMs };
      const found = contextOf(view, unit, zone);
      expect(found[0]?.startMs).toBe(view.startMs);
      expect(found.at(-1)?.endMs).toBe(view.endMs);
      expect(found.reduce((sum, one) => sum + spanOf(one), 0)).toBe(spanOf(view));
      for (const inner of found.slice(1))
        expect(zone.wall(inner.startMs)[unit]).not.toBe(zone.wall(inner.startMs - 1)[unit]);
    }
  }
});
