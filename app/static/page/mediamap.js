/** Where in a piece of media which wall time lies: from request data, or from a playlist's date-times. */

/** {startMs, endMs} of what the API gives as start_utc and end_utc. */
export const intervalOf = ({ start_utc: start, end_utc: end }) => ({ startMs: Date.parse(start), endMs: Date.parse(end) });

export class MediaMap {
  /** `pieces`: [{mediaS, startMs, endMs}] in the order of the media. */
  constructor(pieces) {
    this.pieces = pieces;
  }

  static ofFootage(data) {
    return new MediaMap(data.map.map((piece) => ({ mediaS: piece.media_s, ...intervalOf(piece) })));
  }

  /** Entries of a playlist (playlist.js): durations add up to media time, date-times say when. */
  static ofEntries(entries) {
    const pieces = [];
    for (const entry of entries) addEntry(pieces, entry);
    return new MediaMap(pieces);
  }

  get startMs() {
    return this.pieces[0]?.startMs ?? null;
  }

  get endMs() {
    return this.pieces.at(-1)?.endMs ?? null;
  }

  get endS() {
    const last = this.pieces.at(-1);
    return last ? last.mediaS + (last.endMs - last.startMs) / 1000 : 0;
  }

  /** The wall time of a moment of the media, null when the map is empty. */
  toWallMs(mediaS) {
    const piece = this.pieces.findLast((one) => one.mediaS <= mediaS + 0.001) ?? this.pieces[0];
    return piece ? Math.min(piece.startMs + (mediaS - piece.mediaS) * 1000, piece.endMs) : null;
  }

  /** {mediaS, wallMs} of a wall time: in a gap the footage after it, past the end the last moment. */
  toMedia(wallMs) {
    const piece = this.pieces.find((one) => wallMs < one.endMs);
    if (!piece) return { mediaS: Math.max(0, this.endS - 0.1), wallMs: this.endMs };
    const withinMs = Math.max(0, wallMs - piece.startMs);
    return { mediaS: piece.mediaS + withinMs / 1000, wallMs: piece.startMs + withinMs };
  }

  /** Does this media hold the time, or a gap within it? */
  covers(wallMs) {
    return this.pieces.length > 0 && wallMs >= this.startMs && wallMs < this.endMs;
  }
}

/** Every date-time begins a piece: the wall clock may go a little faster or slower than the media. */
function addEntry(pieces, { mediaS, durationS, programMs }) {
  const last = pieces.at(-1);
  if (last && programMs === null) last.endMs += durationS * 1000;
  else pieces.push({ mediaS, startMs: programMs ?? 0, endMs: (programMs ?? 0) + durationS * 1000 });
}
