import { expect, test } from 'vitest';
import { parsePlaylist } from './playlist';

const HEAD = '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n';
const MAP = '#EXT-X-MAP:URI="/s/1/init/1-2.mp4",BYTERANGE="700@0"\n';
const DATE = '#EXT-X-PROGRAM-DATE-TIME:2026-11-21T08:00:00.250Z\n';
const atMs = Date.parse('2026-11-21T08:00:00.250Z');

test('entries follow each other on the wall clock by their durations', () => {
  const text = `${HEAD}${MAP}${DATE}#EXTINF:2.040,\n#EXT-X-BYTERANGE:500@700\n/s/1.mp4?at=700\n#EXTINF:1.960,\n/s/2.mp4\n`;
  const { entries, isEnded } = parsePlaylist(`${text}#EXT-X-ENDLIST\n`);
  expect(isEnded).toBe(true);
  expect(entries.map((one) => [one.startMs - atMs, one.endMs - atMs])).toEqual([
    [0, 2040],
    [2040, 4000],
  ]);
  expect(entries.map((one) => one.range)).toEqual([[700, 1199], null]);
  expect(entries[0]?.init).toEqual({ uri: '/s/1/init/1-2.mp4', range: [0, 699] });
});

test('a gap has no entry, and what comes after it is cut off from what was before', () => {
  const gap = '#EXT-X-GAP\n#EXTINF:10.000,\n/gap.mp4\n';
  const text = `${HEAD}${MAP}${DATE}#EXTINF:2.0,\n/1.mp4\n${gap}#EXTINF:2.0,\n/2.mp4\n`;
  const { entries, isEnded } = parsePlaylist(text);
  expect(isEnded).toBe(false);
  expect(entries.map((one) => [one.uri, one.startMs - atMs, one.isCut])).toEqual([
    ['/1.mp4', 0, false],
    ['/2.mp4', 12_000, true],
  ]);
});

test('a date-time counts more than the sum of durations', () => {
  const later = '#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-11-21T08:00:09.000Z\n';
  const { entries } = parsePlaylist(`${HEAD}${MAP}${DATE}#EXTINF:2.0,\n/1.mp4\n${later}#EXTINF:2.0,\n/2.mp4\n`);
  expect(entries[1]?.startMs).toBe(Date.parse('2026-11-21T08:00:09.000Z'));
  expect(entries[1]?.isCut).toBe(true);
});

test('a playlist without an instant is refused', () => {
  expect(() => parsePlaylist(`${HEAD}${MAP}#EXTINF:2.0,\n/1.mp4\n`)).toThrow('date-time');
});
