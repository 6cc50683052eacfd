import { expect, test } from 'vitest';
import { nameIn } from './downloadname';

test('a file is named as its answer says, in any alphabet', () => {
  expect(nameIn('attachment; filename="source-1.mp4"')).toBe('source-1.mp4');
  expect(nameIn('attachment; filename="x.mp4"; filename*=UTF-8\'\'%D0%B4%D0%B2%D0%BE%D1%80.mp4')).toBe('двор.mp4');
  expect(nameIn('inline')).toBeNull();
  expect(nameIn(null)).toBeNull();
});
