import { expect, test } from 'vitest';
import { exactText } from '../wallclock';
import { alike, readMark } from './typing';

const BERLIN = 'Europe/Berlin';
const none = { inMs: null, outMs: null };
const at = (text: string) => Date.parse(text);

test('a typed end that does not lie behind the begin is no end, and neither mark is lost', () => {
  const marks = { inMs: at('2026-11-21T18:30:10Z'), outMs: null };
  expect(readMark('out', '18:29:40', 'UTC', '2026-11-21', marks)).toBe('wrongOrder');
  expect(readMark('out', '18:30:10', 'UTC', '2026-11-21', marks)).toBe('wrongOrder');
  expect(readMark('out', '18:30:11', 'UTC', '2026-11-21', marks)).toEqual({
    ms: at('2026-11-21T18:30:11Z'),
    isLeftOut: false,
  });
  expect(readMark('in', '18:30', 'UTC', '2026-11-21', { inMs: null, outMs: at('2026-11-21T18:30Z') })).toBe(
    'wrongOrder',
  );
});

test.each([
  ['99999-01-01 00:00', 'outOfReach'],
  ['2200-01-01 00:00', 'outOfReach'],
  ['1969-12-31 23:59:59', 'outOfReach'],
  ['1969-12-31T23:59:59Z', 'outOfReach'],
  ['0026-11-21 08:00', 'wrongTime'],
  ['2026-02-30 10:00:00', 'wrongTime'],
  ['', 'wrongTime'],
])('%s is taken for no mark', (text, problem) => {
  expect(readMark('in', text, 'UTC', '', none)).toBe(problem);
});

test('a time that the clocks left out is told to be so', () => {
  expect(readMark('in', '2026-03-29 02:30', BERLIN, '', none)).toEqual({
    ms: at('2026-03-29T01:30Z'),
    isLeftOut: true,
  });
});

test('of a time that came twice the one is taken that makes a clip, the first where both do', () => {
  const [first, second] = [at('2026-10-25T00:30Z'), at('2026-10-25T01:30Z')];
  const read = (side: 'in' | 'out', marks: typeof none | { inMs: number; outMs: null }) =>
    readMark(side, '2026-10-25 02:30', BERLIN, '', marks);
  expect(read('in', none)).toEqual({ ms: first, isLeftOut: false });
  expect(read('out', { inMs: at('2026-10-25T00:59Z'), outMs: null })).toEqual({ ms: second, isLeftOut: false });
  expect(alike(second, BERLIN, exactText(second, BERLIN))).toEqual([first, second]);
  expect(alike(first, 'UTC', exactText(first, 'UTC'))).toEqual([first]);
});
