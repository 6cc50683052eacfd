/** Init segments (ftyp+moov): which tracks there are, how fast their ticks are, and what decodes them. */

import { type Box, boxes, first, fourCharacters, within } from './boxes';

/** One track of an init segment. */
export interface Track {
  readonly id: number;
  readonly kind: 'video' | 'audio';
  /** Ticks a second. */
  readonly timescale: number;
  /** As RFC 6381 names it, such as avc1.64001f. */
  readonly codec: string;
}

const SAMPLE_ENTRY_BYTES = { video: 78, audio: 28 };

/** Read the tracks of video and sound. Raises Error for what is no init segment. */
export function readInit(bytes: ArrayBuffer): Track[] {
  const view = new DataView(bytes);
  const found: Track[] = [];
  for (const box of within(view, ['moov', 'trak'])) {
    const head = first(view, ['tkhd'], box);
    const media = first(view, ['mdia', 'mdhd'], box);
    const handler = fourCharacters(view, first(view, ['mdia', 'hdlr'], box).begin + 8);
    const kind = handler === 'vide' ? 'video' : 'audio';
    const list = first(view, ['mdia', 'minf', 'stbl', 'stsd'], box);
    const [entry] = boxes(view, list.begin + 8, list.end);
    if (!entry) throw new Error('a track without a sample entry');
    found.push({
      id: view.getUint32(head.begin + (view.getUint8(head.begin) === 1 ? 20 : 12)),
      kind,
      timescale: view.getUint32(media.begin + (view.getUint8(media.begin) === 1 ? 20 : 12)),
      codec: codecOf(view, entry, kind),
    });
  }
  return found;
}

/** The type of a SourceBuffer for these tracks. */
export function mimeType(tracks: readonly Track[]): string {
  return `video/mp4; codecs="${tracks.map((track) => track.codec).join(',')}"`;
}

/** Names that people know, such as `H.265 + AAC`. */
export function codecNames(tracks: readonly Track[]): string {
  return tracks.map((track) => nameOf(track.codec)).join(' + ');
}

function nameOf(codec: string): string {
  if (/^avc/.test(codec)) return 'H.264';
  if (/^(hvc|hev)/.test(codec)) return 'H.265';
  if (/^mp4a/.test(codec)) return 'AAC';
  return codec;
}

function codecOf(view: DataView, entry: Box, kind: Track['kind']): string {
  for (const box of boxes(view, entry.begin + SAMPLE_ENTRY_BYTES[kind], entry.end)) {
    if (box.type === 'avcC') return `${entry.type}.${hex(view, box.begin + 1, 3)}`;
    if (box.type === 'hvcC') return `${entry.type}.${hevcProfile(view, box.begin)}`;
    if (box.type === 'esds') return `${entry.type}.${audioObject(view, box)}`;
  }
  return entry.type;
}

function hex(view: DataView, at: number, count: number): string {
  let text = '';
  for (let n = 0; n < count; n += 1)
    text += view
      .getUint8(at + n)
      .toString(16)
      .padStart(2, '0');
  return text;
}

/** ISO/IEC 14496-15 §E.3: space and profile, compatibility bits reversed, tier and level, constraints without tail zeros. */
function hevcProfile(view: DataView, at: number): string {
  const head = view.getUint8(at + 1);
  const space = ['', 'A', 'B', 'C'][head >> 6] ?? '';
  let compatible = 0;
  for (let bit = 0, flags = view.getUint32(at + 2); bit < 32; bit += 1, flags >>>= 1) {
    compatible = ((compatible << 1) | (flags & 1)) >>> 0;
  }
  const tier = head & 0x20 ? 'H' : 'L';
  const constraints = [];
  for (let n = 6; n < 12; n += 1) constraints.push(view.getUint8(at + n));
  while (constraints.at(-1) === 0) constraints.pop();
  const parts = [`${space}${head & 0x1f}`, compatible.toString(16), `${tier}${view.getUint8(at + 12)}`];
  return [...parts, ...constraints.map((one) => one.toString(16))].join('.');
}

/** ISO/IEC 14496-1 §7.2.6: the object type, and for MPEG-4 audio the kind that its configuration begins with. */
function audioObject(view: DataView, box: Box): string {
  let type = 0x40;
  let at = box.begin + 4;
  while (at + 2 < box.end) {
    const tag = view.getUint8(at);
    at += 1;
    while (view.getUint8(at) & 0x80) at += 1;
    at += 1;
    if (tag === 3) at += 3;
    else if (tag === 4) {
      type = view.getUint8(at);
      at += 13;
    } else if (tag === 5) return `${type.toString(16)}.${view.getUint8(at) >> 3}`;
    else break;
  }
  return type === 0x40 ? '40.2' : type.toString(16);
}
