import { expect, test } from 'vitest';
import { filmName } from './filmname';

test('a film is called by its camera and by the clocks of the zone that was chosen', () => {
  const startMs = Date.UTC(2026, 10, 21, 8, 0, 2, 250);
  const name = (lengthMs: number, zone: string) => filmName(3, 'Двор', startMs, startMs + lengthMs, zone);
  expect(name(4000, 'UTC')).toBe('source-3-Двор 2026-11-21 08.00.02-08.00.06');
  expect(name(4000, 'Asia/Ho_Chi_Minh')).toBe('source-3-Двор 2026-11-21 15.00.02-15.00.06');
  const long = filmName(3, 'Двор'.repeat(25), startMs, startMs + 4000, 'UTC');
  expect(long).toBe(`source-3-${'Двор'.repeat(10)}… 2026-11-21 08.00.02-08.00.06`);
  expect(name(86_400_000, 'UTC')).toBe('source-3-Двор 2026-11-21 08.00.02-2026-11-22 08.00.02');
});
