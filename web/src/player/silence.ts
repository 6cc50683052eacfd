/**
 * Footage without its sound: for pictures that are not heard. A browser then neither decodes it nor goes by its clock,
 * and where sound begins or ends within the footage nothing has to be loaded anew.
 */

import { blank, first, within } from './boxes';
import type { Track } from './initsegment';

/** A copy of an init segment in which the tracks of sound are blanked. */
export function silentInit(bytes: ArrayBuffer, tracks: readonly Track[]): ArrayBuffer {
  const copy = bytes.slice(0);
  const view = new DataView(copy);
  const isSound = idsOfSound(tracks);
  for (const box of [...within(view, ['moov', 'trak'])]) {
    const head = first(view, ['tkhd'], box);
    if (isSound.has(view.getUint32(head.begin + (view.getUint8(head.begin) === 1 ? 20 : 12)))) blank(view, box);
  }
  for (const box of [...within(view, ['moov', 'mvex', 'trex'])]) {
    if (isSound.has(view.getUint32(box.begin + 4))) blank(view, box);
  }
  return copy;
}

/** Blank the sound in fragments, in place. */
export function silence(bytes: ArrayBuffer, tracks: readonly Track[]): void {
  const view = new DataView(bytes);
  const isSound = idsOfSound(tracks);
  for (const box of [...within(view, ['moof', 'traf'])]) {
    const head = first(view, ['tfhd'], box);
    if (isSound.has(view.getUint32(head.begin + 4))) blank(view, box);
  }
}

const idsOfSound = (tracks: readonly Track[]) =>
  new Set(tracks.filter((track) => track.kind === 'audio').map((track) => track.id));
