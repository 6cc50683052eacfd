/** Where a moment of a film lies by the clock. */
import type { FilmPiece } from '../api/files';

/** The instant of a moment in the film of a span: gaps are left out of films, so it is looked up piece by piece. */
export function instantOf(pieces: readonly FilmPiece[], timeS: number): number | null {
  const piece = pieces.findLast(({ media_s: beginS }) => beginS <= timeS) ?? pieces[0];
  return piece ? Date.parse(piece.start_utc) + Math.max(0, timeS - piece.media_s) * 1000 : null;
}
