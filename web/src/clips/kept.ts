/** What was done with footage of the cameras shown: pins, links, files for analysis, and (for who may see it) exports. */
import { signal } from '@preact/signals';
import { ApiError, isAbort } from '../api/call';
import * as api from '../api/clips';
import { type HandedFile, removeFile } from '../api/files';
import { revokeShare, type Share, shares } from '../api/shares';
import { may, mayConfigure } from '../me';
import { KINDS, type Kind } from './forms';

/** One thing that was done with a stretch. */
export interface Kept {
  kind: 'pin' | 'share' | 'file' | 'export';
  id: string;
  sourceId: number;
  startMs: number;
  endMs: number;
  what: string;
  who: string;
  /** When it ends; null: never, or it has no end. */
  expiresMs: number | null;
  share: Share | null;
  /** As what it was exported; null: it was not, or as something that this page does not know. */
  form: Kind | null;
}

const none = { expiresMs: null, share: null, form: null };

function stretch(row: { start_utc: string | null | undefined; end_utc: string | null | undefined }) {
  return { startMs: Date.parse(row.start_utc ?? ''), endMs: Date.parse(row.end_utc ?? '') };
}

const ofPin = (pin: api.Pin): Kept => ({
  ...none,
  ...stretch(pin),
  kind: 'pin',
  id: pin.id,
  sourceId: pin.source_id,
  what: pin.reason,
  who: pin.owner,
  expiresMs: pin.expires_utc === null ? null : Date.parse(pin.expires_utc),
});

const ofShare = (share: Share): Kept => ({
  ...none,
  ...stretch(share),
  kind: 'share',
  id: share.id,
  sourceId: share.source_id,
  what: share.description ?? '',
  who: share.created_by,
  expiresMs: Date.parse(share.expires_utc),
  share,
});

const ofFile = (file: HandedFile): Kept => ({
  ...none,
  ...stretch(file),
  kind: 'file',
  id: String(file.id),
  sourceId: file.source_id ?? 0,
  what: file.name,
  who: file.owner,
});

/** When it was asked for: an MP4 is written down a little later, maybe behind what came after it. */
const askedMs = ({ at_utc: at, detail }: api.ExportNote): number => Date.parse(detail.asked_utc ?? at);
const newestFirst = (a: api.ExportNote, b: api.ExportNote): number => askedMs(b) - askedMs(a);

const ofExport = (note: api.ExportNote): Kept => ({
  ...none,
  ...stretch({ start_utc: note.detail.start_utc, end_utc: note.detail.end_utc }),
  kind: 'export',
  id: String(note.id),
  sourceId: note.source_id ?? 0,
  what: '',
  who: note.actor,
  form: KINDS.find((kind) => kind === note.detail.content) ?? null,
});

export const kept = signal<Kept[]>([]);
export const keptError = signal<ApiError | null>(null);
let breaker = new AbortController();

/** Ask anew for all that the caller may see. */
export function refreshKept(): void {
  breaker.abort();
  breaker = new AbortController();
  const { signal: broken } = breaker;
  const lists = [
    api.pins(broken).then((list) => list.map(ofPin)),
    may('operator') ? shares(true, broken).then((list) => list.map(ofShare)) : [],
    api.footageFiles(broken).then((list) => list.map(ofFile)),
    mayConfigure ? api.exportNotes(broken).then((list) => list.sort(newestFirst).map(ofExport)) : [],
  ];
  Promise.all(lists).then(
    (all) => {
      kept.value = all.flat();
      keptError.value = null;
    },
    (error: unknown) => {
      if (error instanceof ApiError) keptError.value = error;
      else if (!isAbort(error)) throw error;
    },
  );
}

/** Ask anew once a download that has begun is written down, which the service does within two seconds, or a busy one later. */
export function refreshKeptSoon(): void {
  if (mayConfigure) for (const ms of [2500, 10_000]) setTimeout(refreshKept, ms);
}

/** Release, revoke or delete; what was exported stays exported. Raises ApiError. */
export async function undo({ kind, id }: Kept): Promise<void> {
  if (kind === 'pin') await api.releasePin(id);
  if (kind === 'share') await revokeShare(id);
  if (kind === 'file') await removeFile(Number(id));
  refreshKept();
}
