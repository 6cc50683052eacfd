import { expect, test } from 'vitest';
import { isPictures, Parts } from './multipart';

const STREAM =
  '--frame-1\r\nContent-Type: image/jpeg\r\nContent-Length: 5\r\nX-Picture-Utc: 2026-11-20T22:44:05Z\r\n\r\n' +
  'a\r\n\r\n\r\n--frame-1\r\nContent-Type: image/jpeg\r\nContent-Length: 2\r\n\r\nbc\r\n--frame-1--\r\n';

test('pictures come whole, however their bytes are cut, also where they hold what ends headers', () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (const size of [1, 7, 1000]) {
    const parts = new Parts();
    const found = [];
    for (let at = 0; at < bytes.length; at += size) found.push(...parts.push(bytes.subarray(at, at + size)));
    expect(found.map((part) => new TextDecoder().decode(part.bytes))).toEqual(['a\r\n\r\n', 'bc']);
    expect(found[0]?.headers.get('x-picture-utc')).toBe('2026-11-20T22:44:05Z');
  }
});

test('what is no stream of pictures is refused', () => {
  expect(isPictures('multipart/x-mixed-replace; boundary=frame-1')).toBe(true);
  expect(isPictures('text/html')).toBe(false);
  expect(() => new Parts().push(new Uint8Array(5000))).toThrow(TypeError);
  expect(() => new Parts().push(new TextEncoder().encode('--f\r\nA: b\r\n\r\n'))).toThrow(TypeError);
});
