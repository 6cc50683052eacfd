/** What is done with a stretch of footage: pins, share links, files for analysis, exports. */
import { isoOf } from '../instants';
import { ask, get, queryOf, send } from './call';
import type { WireInterval } from './footage';

export interface Pin extends WireInterval {
  id: string;
  created_utc: string;
  source_id: number;
  owner: string;
  reason: string;
  expires_utc: string | null;
  is_active: boolean;
}

export interface Share extends WireInterval {
  id: string;
  created_utc: string;
  created_by: string;
  source_id: number;
  expires_utc: string;
  /** How often it may be opened; null for no limit. */
  count: number | null;
  uses: number;
  has_password: boolean;
  may_download: boolean;
  description: string | null;
  is_active: boolean;
}

export type FileStatus = '--------' | 'processing' | 'ready' | 'error' | 'db_ready';

/** A file that is a view of recorded footage. */
export interface FootageFile {
  id: number;
  refer: string;
  name: string;
  status: FileStatus;
  size_bytes: number | null;
  duration_s: number | null;
  owner: string;
  created_utc: string;
  source_id: number | null;
  start_utc: string | null;
  end_utc: string | null;
  /** How often it was fetched by a download key. */
  downloads: number;
  violations_quantity: number;
}

/** An export that was made, as the audit tells it. */
export interface ExportNote {
  id: number;
  at_utc: string;
  actor: string;
  source_id: number | null;
  detail: { start_utc?: string; end_utc?: string; size_bytes?: number };
}

export const AUDIENCES = ['----', '0+', '6+', '12+', '16+', '18+'] as const;
export type Audience = (typeof AUDIENCES)[number];

/** A stretch of one camera, half-open. */
export interface Stretch {
  sourceId: number;
  startMs: number;
  endMs: number;
}

const V1 = '/api/v1';
const MOST = 500; // the newest; what is older is found on the pages of files and of the system
const stretchOf = ({ sourceId, startMs, endMs }: Stretch) => ({
  source_id: sourceId,
  start: isoOf(startMs),
  end: isoOf(endMs),
});
const isoOrNull = (ms: number | null) => (ms === null ? null : isoOf(ms));

export const pins = (signal?: AbortSignal) =>
  get<Pin[]>(`${V1}/pins`, { is_active: true, sort: '-created', limit: MOST }, signal);
export const addPin = (stretch: Stretch, reason: string, expiresMs: number | null) =>
  send<Pin>('POST', `${V1}/pins`, { ...stretchOf(stretch), reason, expires: isoOrNull(expiresMs) });
export const releasePin = (id: string) => send<Pin>('DELETE', `${V1}/pins/${id}/`);

export interface ShareWish {
  expiresMs: number;
  count: number | null;
  password: string | null;
  mayDownload: boolean;
  description: string | null;
}

export const shares = (signal?: AbortSignal) =>
  get<Share[]>(`${V1}/share`, { is_active: true, sort: '-created', limit: MOST }, signal);
/** The answer alone has the link's address: it is told this once. */
export const addShare = (stretch: Stretch, wish: ShareWish) =>
  send<Share & { url: string }>('POST', `${V1}/share`, {
    ...stretchOf(stretch),
    expires: isoOf(wish.expiresMs),
    count: wish.count,
    password: wish.password,
    may_download: wish.mayDownload,
    description: wish.description,
  });
export const revokeShare = (id: string) => send<Share>('DELETE', `${V1}/share/${id}/`);

export const footageFiles = (signal?: AbortSignal) =>
  get<FootageFile[]>('/files/', { kind: 'footage', sort: '-id', limit: MOST }, signal);
export const addFootageFile = (stretch: Stretch, name: string | null) =>
  send<FootageFile>('POST', '/files/', { ...stretchOf(stretch), ...(name && { name }) });
export const footageFile = (id: number) => get<FootageFile>(`/files/${id}/`);
export const removeFile = (id: number) => send<FootageFile>('DELETE', `/files/${id}/`);
export const startAnalysis = (fileId: number, audience: Audience, comment: string) =>
  send<unknown>('POST', '/cinema/', { file_id: fileId, target_audience: audience, comment });
/** The address of what happens to a file, as Server-Sent Events. */
export const eventsPath = (fileId: number) => `/download/${fileId}/`;

/** For who may read the audit: the exports that were made. */
export const exportNotes = (signal?: AbortSignal) =>
  get<ExportNote[]>(`${V1}/audit`, { action: 'export', limit: MOST }, signal);

/** The address of the recorded files that touch a stretch, with a signed manifest, as one ZIP archive. */
export const exportUrl = ({ sourceId, startMs, endMs }: Stretch) =>
  `${V1}/source/${sourceId}/export${queryOf({ start: isoOf(startMs), end: isoOf(endMs) })}`;

/** How large an answer will be, in bytes; null where it does not say. Raises ApiError as the answer itself would. */
export async function sizeOf(path: string, signal?: AbortSignal): Promise<number | null> {
  const answer = await ask(path, { method: 'HEAD', ...(signal && { signal }) });
  const text = answer.headers.get('Content-Length');
  return text === null ? null : Number(text);
}
