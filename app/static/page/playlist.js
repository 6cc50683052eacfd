/** HLS media playlists as data (RFC 8216 §4.3): what stands in them, nothing fetched. */

/**
 * Return {entries, isEnded}; an entry is {uri, mediaS, durationS, programMs, mapUri, range, isCut}. `mediaS` is where
 * it begins in the sum of all durations, `range` [first, last] byte or null, `isCut` says that its times start anew.
 */
export function parsePlaylist(text) {
  const entries = [];
  let [mediaS, mapUri, next] = [0, null, {}];
  for (const line of text.split('\n')) {
    const [name, value] = split(line);
    if (name === '#EXTINF') next.durationS = parseFloat(value);
    else if (name === '#EXT-X-PROGRAM-DATE-TIME') next.programMs = Date.parse(value);
    else if (name === '#EXT-X-DISCONTINUITY') next.isCut = true;
    else if (name === '#EXT-X-BYTERANGE') next.range = byteRange(value);
    else if (name === '#EXT-X-MAP') mapUri = /URI="([^"]*)"/.exec(value)[1];
    else if (line && !line.startsWith('#')) {
      entries.push({ programMs: null, range: null, isCut: false, ...next, uri: line, mediaS, mapUri });
      mediaS += next.durationS;
      next = {};
    }
  }
  return { entries, isEnded: text.includes('#EXT-X-ENDLIST') };
}

function split(line) {
  const colon = line.indexOf(':');
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)];
}

function byteRange(value) {
  const [length, offset] = value.split('@').map(Number);
  return [offset, offset + length - 1];
}
