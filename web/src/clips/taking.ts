/** As what a clip is downloaded: where each kind comes from, how large it will be, and the download. */
import { useEffect, useState } from 'preact/hooks';
import { ApiError, isAbort } from '../api/call';
import { exportUrl, sizeOf } from '../api/clips';
import { mp4Url } from '../api/footage';
import { cameraName } from '../cameras';
import { filmName } from '../filmname';
import { zoneName } from '../instants';
import { Slots } from '../parts/slots';
import type { Cut } from './cut';
import { download } from './downloads';
import { KINDS, type Kind } from './forms';
import { refreshKeptSoon } from './kept';

/** For each stretch how large its file will be, in bytes; null where the service has none for it. */
export type Sizes = (number | null)[];

/** The service says so of what it has nothing for; the answer to HEAD has no body that could say more. */
const NOTHING = 404;
const questions = new Slots(2); // of the six connections that a browser has for a host

const nameOf = ({ sourceId, startMs, endMs }: Cut): string =>
  filmName(sourceId, cameraName(sourceId), startMs, endMs, zoneName());

const addressOf = (cut: Cut, kind: Kind): string =>
  kind === 'mp4' ? mp4Url(cut.sourceId, cut.startMs, cut.endMs, nameOf(cut)) : exportUrl(cut, kind);

/** How large a file will be; null where there is nothing for it. Raises ApiError where that is not told. */
async function ask(cut: Cut, kind: Kind, signal?: AbortSignal): Promise<number | null> {
  if (kind === 'mp4') return cut.footage.bytes;
  try {
    return await questions.run(() => sizeOf(addressOf(cut, kind), signal), 0, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === NOTHING) return null;
    throw error;
  }
}

type Known = Partial<Record<Kind, Sizes | ApiError>>;

/** How large the files of each kind will be, or why that is not told; a kind is missing until all of its sizes are known. */
export function useSizes(cuts: Cut[]): Known {
  const [sizes, setSizes] = useState<Known>({});
  useEffect(() => {
    const breaker = new AbortController();
    const askAll = async (kind: Kind) => {
      try {
        const found = await Promise.all(cuts.map((cut) => ask(cut, kind, breaker.signal)));
        setSizes((known) => ({ ...known, [kind]: found }));
      } catch (error) {
        if (error instanceof ApiError) setSizes((known) => ({ ...known, [kind]: error }));
        else if (!isAbort(error)) throw error;
      }
    };
    for (const kind of KINDS) void askAll(kind);
    return () => breaker.abort();
  }, []);
  return sizes;
}

async function takeOne(cut: Cut, kind: Kind, sizeBytes: number | null | undefined): Promise<void> {
  const name = cameraName(cut.sourceId) + (kind === 'mp4' ? '' : '.zip');
  const untold = (error: unknown): null => {
    if (error instanceof ApiError) return null; // the download itself says why
    throw error;
  };
  await download(addressOf(cut, kind), name, sizeBytes ?? (await ask(cut, kind).catch(untold)));
  refreshKeptSoon();
}

/** Download each stretch; why one cannot be had is told by its own answer. */
export function takeAll(cuts: Cut[], kind: Kind, sizes?: Sizes): void {
  for (const [number, cut] of cuts.entries()) void takeOne(cut, kind, sizes?.[number]);
}
