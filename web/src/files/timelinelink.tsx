import { useEffect, useState } from 'preact/hooks';
import { type FilmPiece, filmMap, type HandedFile } from '../api/files';
import { isoOf } from '../instants';
import { Link } from '../parts/link';
import { instantOf } from './film';
import type { Playing } from './playing';
import { say } from './reviewwords';

/** A link to the recordings of the camera at the moment that is shown. */
export function TimelineLink({ file, playing }: { file: HandedFile; playing: Playing }) {
  const [pieces, setPieces] = useState<FilmPiece[]>([]);
  const { source_id: id, start_utc: start, end_utc: end } = file;
  useEffect(() => {
    if (id === null || start === null || end === null) return;
    const ending = new AbortController();
    filmMap(id, start, end, ending.signal).then(setPieces, () => undefined); // then the begin of the span is as good
    return () => ending.abort();
  }, [id, start, end]);
  if (id === null || start === null) return null;
  const atMs = instantOf(pieces, playing.timeS.value) ?? Date.parse(start);
  return (
    <Link class="button" page="timeline" query={{ cameras: String(id), at: isoOf(atMs) }}>
      {say('toTimeline')}
    </Link>
  );
}
