/** HLS media playlists of the service as data (RFC 8216 §4.3): entries with their place on the wall clock. */

/** One entry with media. Its first frame is shown at `startMs` (ms since the epoch). */
export interface Entry {
  readonly uri: string;
  /** First and last byte of the resource, or null: all of it. */
  readonly range: readonly [number, number] | null;
  readonly init: Init;
  readonly startMs: number;
  readonly endMs: number;
  /** Does its decode time not go on from the entry before? */
  readonly isCut: boolean;
}

/** What an entry is known by: the same place may be listed longer later on. */
export function keyOf(entry: Entry): string {
  return `${entry.uri} ${entry.range?.[1] ?? ''}`;
}

/** Where an init segment is. */
export interface Init {
  readonly uri: string;
  readonly range: readonly [number, number] | null;
}

/** What a playlist says. Gap entries (EXT-X-GAP) have no media and are left out. */
export interface Playlist {
  readonly entries: Entry[];
  /** Will nothing be added (EXT-X-ENDLIST)? */
  readonly isEnded: boolean;
}

interface Pending {
  durationMs: number;
  programMs: number | null;
  range: readonly [number, number] | null;
  isCut: boolean;
  isGap: boolean;
}

const NOTHING: Pending = { durationMs: 0, programMs: null, range: null, isCut: false, isGap: false };

/** Read a media playlist. Raises Error for one without a date-time or an init segment before its first media. */
export function parsePlaylist(text: string): Playlist {
  const entries: Entry[] = [];
  let init: Init | null = null;
  let atMs = Number.NaN;
  let next = { ...NOTHING };
  for (const line of text.split('\n')) {
    const [name, value] = split(line);
    if (name === '#EXT-X-MAP') init = parseMap(value);
    else if (line.startsWith('#')) note(next, name, value);
    else if (line) {
      const startMs = next.programMs ?? atMs;
      atMs = startMs + next.durationMs;
      if (!next.isGap) entries.push(entryOf(line, next, init, startMs));
      next = { ...NOTHING, isCut: next.isGap };
    }
  }
  return { entries, isEnded: text.includes('#EXT-X-ENDLIST') };
}

function entryOf(uri: string, { range, isCut, durationMs }: Pending, init: Init | null, startMs: number): Entry {
  if (Number.isNaN(startMs) || init === null)
    throw new Error('a playlist of the service lacks a date-time or EXT-X-MAP');
  return { uri, range, init, startMs, endMs: startMs + durationMs, isCut };
}

function note(next: Pending, name: string, value: string): void {
  if (name === '#EXTINF') next.durationMs = Math.round(Number.parseFloat(value) * 1000);
  else if (name === '#EXT-X-PROGRAM-DATE-TIME') next.programMs = Date.parse(value);
  else if (name === '#EXT-X-BYTERANGE') next.range = byteRange(value);
  else if (name === '#EXT-X-DISCONTINUITY') next.isCut = true;
  else if (name === '#EXT-X-GAP') next.isGap = true;
}

function split(line: string): [string, string] {
  const colon = line.indexOf(':');
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)];
}

function parseMap(value: string): Init {
  const range = /BYTERANGE="([^"]*)"/.exec(value)?.[1];
  return { uri: /URI="([^"]*)"/.exec(value)?.[1] ?? '', range: range === undefined ? null : byteRange(range) };
}

function byteRange(value: string): readonly [number, number] {
  const [length = 0, offset = 0] = value.split('@').map(Number);
  return [offset, offset + length - 1];
}
