import { expect, test } from 'vitest';
import { unsureOf } from './unsure';

test('a sentence of the service is told apart from the names in it, whatever they hold', () => {
  expect(unsureOf('nobody has judged how grave: smoke: black, fire (+2)')).toEqual({
    key: 'notJudged',
    names: 'smoke: black, fire (+2)',
  });
  expect(unsureOf('not in the list of violations: x')).toEqual({ key: 'notListed', names: 'x' });
});

test('a sentence that a newer service says is left as it is', () => {
  expect(unsureOf('the moon is full: x')).toBeNull();
});
