import { expect, test } from 'vitest';
import { EventParser } from './eventstream';

const STREAM =
  'retry: 2000\n\nid: 41\ndata: {"a":1}\n\n: beat\n\nid: 44\nevent: progress\ndata: {"b":\ndata: 2}\n\nid: 9';

test('events are the same however the bytes are cut', () => {
  const wanted = [
    { id: '41', data: '{"a":1}' },
    { id: '44', data: '{"b":\n2}' },
  ];
  expect(new EventParser().push(STREAM)).toEqual(wanted);
  const parser = new EventParser();
  expect([...STREAM].flatMap((letter) => parser.push(letter))).toEqual(wanted);
});

test('a line may end with CR LF, cut between the two', () => {
  const parser = new EventParser();
  expect(parser.push('id: 1\r')).toEqual([]);
  expect(parser.push('\ndata: x\r\n\r\n')).toEqual([{ id: '1', data: 'x' }]);
});
