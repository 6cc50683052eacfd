import { expect, test } from 'vitest';
import { forgetOthers, Lately } from './remembered';

test('what was not used for the longest is forgotten first, and no more is kept than may be', () => {
  const lately = new Lately<number>(2);
  lately.set('a', 1);
  lately.set('b', 2);
  expect(lately.get('a')).toBe(1);
  lately.set('c', 3);
  expect(['a', 'b', 'c'].map((key) => lately.get(key))).toEqual([1, undefined, 3]);
  lately.set('a', 4);
  expect(lately.get('a')).toBe(4);
  expect(lately.get('c')).toBe(3);
});

test('over days of live footage what is remembered stays as large as what is known', () => {
  const keys = new Set<string>();
  const known: string[] = [];
  let looked = 0;
  for (let number = 0; number < 10_000; number += 1) {
    known.push(`part ${number}`);
    if (known.length > 50) known.shift();
    keys.add(`part ${number}`);
    forgetOthers(keys, 2 * known.length, () => {
      looked += 1;
      return known;
    });
    expect(keys.size).toBeLessThanOrEqual(101);
  }
  expect(known.every((key) => keys.has(key))).toBe(true);
  expect(looked).toBeLessThan(210);
});
