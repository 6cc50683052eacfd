import { expect, test } from 'vitest';
import { doubtOf, fileIdOf, fingerprintOf } from './checks';

const file = (name: string, type: string, size = 10) => ({ name, type, size, lastModified: 5 });

test.each([
  ['film.mp4', 'video/mp4', null],
  ['film.mkv', '', null],
  ['script.docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', null],
  ['Сценарий.PDF', '', null],
  ['setup.exe', 'application/x-msdownload', 'type'],
  ['noending', '', 'type'],
])('%s of type "%s" meets the doubt %s', (name, type, doubt) => {
  expect(doubtOf(file(name, type), null)).toBe(doubt);
});

test('an empty file and one that is too large are known before anything is sent', () => {
  expect(doubtOf(file('a.mp4', 'video/mp4', 0), 100)).toBe('empty');
  expect(doubtOf(file('a.mp4', 'video/mp4', 101), 100)).toBe('too_large');
  expect(doubtOf(file('a.mp4', 'video/mp4', 100), 100)).toBeNull();
});

test('a file is known again by account, name, size and date, and no two of these run into each other', () => {
  const print = fingerprintOf(file('a-b.mp4', ''), 'zoë');
  expect(print).toBe(fingerprintOf(file('a-b.mp4', 'video/mp4'), 'zoë'));
  expect(print).not.toBe(fingerprintOf(file('a-b.mp4', ''), 'anna'));
  expect(print).not.toBe(fingerprintOf(file('a-b.mp4', '', 11), 'zoë'));
  expect(print).not.toContain('::');
});

test('the id of a file stands in the address of its upload', () => {
  expect(fileIdOf('http://127.0.0.1:8000/files/71/')).toBe(71);
  expect(fileIdOf('/prefix/files/71')).toBe(71);
  expect(fileIdOf('/files/')).toBeNull();
  expect(fileIdOf(null)).toBeNull();
});
