/** The times inside of fragmented MP4 (ISO/IEC 14496-12): ticks a second of each track, and when a fragment begins. */

function* boxes(view, begin, end) {
  for (let at = begin; at + 8 <= end; ) {
    const size = view.getUint32(at);
    const type = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at + 4, 4));
    if (size < 8 || at + size > end) return;
    yield { type, begin: at + 8, end: at + size };
    at += size;
  }
}

function* within(view, [type, ...deeper], begin = 0, end = view.byteLength) {
  for (const box of boxes(view, begin, end)) {
    if (box.type !== type) continue;
    if (deeper.length) yield* within(view, deeper, box.begin, box.end);
    else yield box;
  }
}

/** Ticks a second of each track of an init segment, by track id: §8.3.2 tkhd, §8.4.2 mdhd. */
export function timescales(bytes) {
  const view = new DataView(bytes);
  const found = new Map();
  for (const track of within(view, ['moov', 'trak'])) {
    const [head] = within(view, ['tkhd'], track.begin, track.end);
    const [media] = within(view, ['mdia', 'mdhd'], track.begin, track.end);
    const id = view.getUint32(head.begin + (view.getUint8(head.begin) === 1 ? 20 : 12));
    found.set(id, view.getUint32(media.begin + (view.getUint8(media.begin) === 1 ? 20 : 12)));
  }
  return found;
}

/** Seconds at which the first sample of the first track is shown: §8.8.7 tfhd, §8.8.12 tfdt, §8.8.8 trun. */
export function firstShownS(bytes, scales) {
  const view = new DataView(bytes);
  const [track] = within(view, ['moof', 'traf']);
  const [head] = within(view, ['tfhd'], track.begin, track.end);
  const [time] = within(view, ['tfdt'], track.begin, track.end);
  const [run] = within(view, ['trun'], track.begin, track.end);
  const isLong = view.getUint8(time.begin) === 1;
  const ticks = isLong ? Number(view.getBigUint64(time.begin + 4)) : view.getUint32(time.begin + 4);
  return (ticks + firstOffset(view, run.begin)) / scales.get(view.getUint32(head.begin + 4));
}

/** The composition offset of a trun's first sample; which fields come before it, its flags say. */
function firstOffset(view, at) {
  const flags = view.getUint32(at) & 0xffffff;
  if (!(flags & 0x800)) return 0;
  const before = [0x1, 0x4, 0x100, 0x200, 0x400].filter((flag) => flags & flag).length;
  return view.getInt32(at + 8 + 4 * before);
}
