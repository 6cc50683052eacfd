import { expect, test } from 'vitest';
import type { Source } from '../api/sources';
import { EMPTY, madeBy } from './draft';

const uri = { uri: null, auth: null, user: null, password: null };
const source = (
  id: number,
  description: string | null,
  uri_rtsp: string | null,
  picture: string | null = null,
): Source => ({
  id,
  created_utc: '',
  status: 'unknown',
  description,
  uri_rtsp,
  uri_http_picture: { ...uri, uri: picture },
  ffmpeg_cmd: '',
});
const draft = { ...EMPTY, name: ' Gate ', address: 'rtsp://Camera/1', user: 'admin', password: 'secret' };

test('what an attempt has made is known by name and address, and was not there before', () => {
  const lost = { draft, before: new Set([1]) };
  const gate = (id: number) => source(id, 'Gate', 'rtsp://admin:***@camera/1');
  expect(madeBy(lost, [gate(1)])).toBeUndefined();
  expect(madeBy(lost, [gate(1), gate(2)])?.id).toBe(2);
  expect(madeBy(lost, [source(2, 'Yard', 'rtsp://camera/1'), source(3, 'Gate', 'rtsp://camera/2')])).toBeUndefined();
  const picture = { ...draft, model: 'PictureSource' as const, name: '', address: 'http://camera/still' };
  expect(madeBy({ ...lost, draft: picture }, [source(4, null, null, 'http://camera/still')])?.id).toBe(4);
});
