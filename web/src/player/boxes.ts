/** Boxes of ISO base media files (ISO/IEC 14496-12 §4.2), read in place. */

/** What a box holds: from `begin` to before `end` of the view. */
export interface Box {
  readonly type: string;
  readonly begin: number;
  readonly end: number;
}

/** Yield the boxes between two offsets, as far as they are whole. */
export function* boxes(view: DataView, begin = 0, end = view.byteLength): Generator<Box> {
  let at = begin;
  while (at + 8 <= end) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > end) return;
    yield { type: fourCharacters(view, at + 4), begin: at + 8, end: at + size };
    at += size;
  }
}

/** Yield the boxes at a path of types below an offset. */
export function* within(view: DataView, path: readonly string[], outer?: Box): Generator<Box> {
  const [type, ...deeper] = path;
  for (const box of boxes(view, outer?.begin, outer?.end)) {
    if (box.type !== type) continue;
    if (deeper.length > 0) yield* within(view, deeper, box);
    else yield box;
  }
}

/** The first box at a path. Raises Error where there is none. */
export function first(view: DataView, path: readonly string[], outer?: Box): Box {
  for (const box of within(view, path, outer)) return box;
  throw new Error(`no ${path.join('/')} in the footage`);
}

/** Four bytes as text. */
export function fourCharacters(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

/** Make a box one that nobody reads (ISO/IEC 14496-12 §8.1.2 free): its bytes stay, so no offset changes. */
export function blank(view: DataView, box: Box): void {
  for (const [at, letter] of [...'free'].entries()) view.setUint8(box.begin - 4 + at, letter.charCodeAt(0));
}
