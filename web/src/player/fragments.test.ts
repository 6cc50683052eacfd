import { expect, test } from 'vitest';
import { readPictures } from './fragments';
import { codecNames, mimeType, readInit } from './initsegment';

const text = (value: string) => [...value].map((letter) => letter.charCodeAt(0));
const u32 = (value: number) => [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
const box = (type: string, ...content: number[][]): number[] => {
  const body = content.flat();
  return [...u32(8 + body.length), ...text(type), ...body];
};
const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const bytesOf = (...parts: number[][]) => new Uint8Array(parts.flat()).buffer;

function trak(id: number, handler: string, timescale: number, entry: number[]): number[] {
  const stbl = box('stbl', box('stsd', zeros(4), u32(1), entry));
  const media = box('mdhd', zeros(12), u32(timescale), zeros(8));
  const kind = box('hdlr', zeros(8), text(handler), zeros(12));
  return box('trak', box('tkhd', zeros(12), u32(id), zeros(68)), box('mdia', media, kind, box('minf', stbl)));
}

const AVC = box('avc1', zeros(78), box('avcC', [1, 0x64, 0x00, 0x1f]));
const HEVC = box('hvc1', zeros(78), box('hvcC', [1, 0x01, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93]));
const ESDS = box('esds', zeros(4), [3, 0x19, 0, 0, 0, 4, 0x11, 0x40, ...zeros(12), 5, 2, 0x11, 0x90]);
const AAC = box('mp4a', zeros(28), ESDS);
const VIDEO = box('ftyp', zeros(4));

test('an init segment tells tracks, their ticks and codecs', () => {
  const moov = box('moov', trak(1, 'vide', 90_000, AVC), trak(2, 'soun', 48_000, AAC));
  const tracks = readInit(bytesOf(VIDEO, moov));
  expect(tracks).toEqual([
    { id: 1, kind: 'video', timescale: 90_000, codec: 'avc1.64001f' },
    { id: 2, kind: 'audio', timescale: 48_000, codec: 'mp4a.40.2' },
  ]);
  expect(mimeType(tracks)).toBe('video/mp4; codecs="avc1.64001f,mp4a.40.2"');
  expect(codecNames(tracks)).toBe('H.264 + AAC');
});

test('H.265 is named as browsers want it', () => {
  const tracks = readInit(bytesOf(box('moov', trak(1, 'vide', 90_000, HEVC))));
  expect(tracks[0]?.codec).toBe('hvc1.1.6.L93.b0');
});

test('pictures are shown by their composition offsets, the first in order of decoding says where they are', () => {
  const rows = [
    [3600, 500, 0x2000000, 3600],
    [3600, 100, 0x1010000, 10_800],
    [3600, 100, 0x1010000, 0],
  ].flatMap((row) => row.flatMap(u32));
  const traf = box(
    'traf',
    box('tfhd', u32(0x20000), u32(1)),
    box('tfdt', u32(0), u32(90_000)),
    box('trun', u32(0xf01), u32(3), u32(0), rows),
  );
  const tracks = readInit(bytesOf(box('moov', trak(1, 'vide', 90_000, AVC))));
  const found = readPictures(bytesOf(box('moof', box('mfhd', zeros(8)), traf), box('mdat', zeros(4))), tracks);
  expect(found.isKey).toBe(true);
  expect(found.firstS).toBeCloseTo(1.04, 6);
  expect(found.shownS.map((one) => Math.round(one * 1000))).toEqual([1040, 1080, 1160]);
  expect(found.lastS).toBeCloseTo(0.04, 6);
});

test('an entry that begins within a group of pictures says so', () => {
  const traf = box(
    'traf',
    box('tfhd', u32(0x20028), u32(1), u32(3600), u32(0x1010000)),
    box('tfdt', u32(0x1000000), u32(0), u32(180_000)),
    box('trun', u32(1), u32(2), u32(0)),
  );
  const tracks = readInit(bytesOf(box('moov', trak(1, 'vide', 90_000, AVC))));
  const found = readPictures(bytesOf(box('moof', traf)), tracks);
  expect(found.isKey).toBe(false);
  expect(found.shownS).toEqual([2, 2.04]);
});
