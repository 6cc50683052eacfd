import { expect, test } from 'vitest';
import { latinKey } from './keys';

const press = (key: string, code: string, shiftKey = false) => latinKey({ key, code, shiftKey });

test('keys are meant by their place on a keyboard without Latin letters', () => {
  expect(press('х', 'BracketLeft')).toBe('[');
  expect(press('Ъ', 'BracketRight', true)).toBe('}');
  expect(press('а', 'KeyF')).toBe('f');
  expect(press('б', 'Comma')).toBe(',');
});

test('a key that is Latin already, and one with a name, stay what they are', () => {
  expect(press('[', 'BracketLeft')).toBe('[');
  expect(press('a', 'KeyQ')).toBe('a'); // on a French keyboard
  expect(press('ArrowLeft', 'ArrowLeft')).toBe('ArrowLeft');
  expect(press('№', 'Digit3', true)).toBe('№');
});
