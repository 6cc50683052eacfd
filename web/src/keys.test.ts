import { expect, test } from 'vitest';
import { latinKey, meantBy } from './keys';

const press = (key: string, code: string, shiftKey = false) => latinKey({ key, code, shiftKey });

test('keys are meant by their place on a keyboard without Latin letters', () => {
  expect(press('х', 'BracketLeft')).toBe('[');
  expect(press('Ъ', 'BracketRight', true)).toBe('}');
  expect(press('а', 'KeyF')).toBe('f');
  expect(press('б', 'Comma')).toBe(',');
  expect(press('Т', 'KeyN', true)).toBe('N');
});

test('a key that is Latin already, and one with a name, stay what they are', () => {
  expect(press('[', 'BracketLeft')).toBe('[');
  expect(press('a', 'KeyQ')).toBe('a'); // on a French keyboard
  expect(press('ArrowLeft', 'ArrowLeft')).toBe('ArrowLeft');
  expect(press('№', 'Digit3', true)).toBe('№');
});

test('the lock for capitals changes nothing, Shift does', () => {
  expect(press('N', 'KeyN')).toBe('n');
  expect(press('n', 'KeyN', true)).toBe('N');
  expect(press('Т', 'KeyN')).toBe('n');
});

test('where a Cyrillic keyboard has the full stop, the slash may be meant as well', () => {
  expect(meantBy({ key: '.', code: 'Slash', shiftKey: false })).toEqual(['.', '/']);
  expect(meantBy({ key: ',', code: 'Slash', shiftKey: true })).toEqual([',', '?']);
  expect(meantBy({ key: '.', code: 'Period', shiftKey: false })).toEqual(['.']);
  expect(meantBy({ key: 'ю', code: 'Period', shiftKey: false })).toEqual(['.']);
  expect(meantBy({ key: '?', code: 'Digit7', shiftKey: true })).toEqual(['?']);
});
