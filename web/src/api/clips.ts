/** What is done with a stretch of footage: pins, files for analysis, exports; share links are in shares.ts. */
import { isoOf } from '../instants';
import { ask, get, queryOf, send } from './call';
import type { Audience, HandedFile } from './files';
import { type Stretch, stretchOf, type WireInterval } from './footage';

export interface Pin extends WireInterval {
  id: string;
  created_utc: string;
  source_id: number;
  owner: string;
  reason: string;
  expires_utc: string | null;
  is_active: boolean;
}

/** An export that was made, as the audit tells it. */
export interface ExportNote {
  id: number;
  at_utc: string;
  actor: string;
  source_id: number | null;
  /** `content`: an ExportContent, or `mp4`: the film alone. A newer service may name others. */
  detail: { start_utc?: string; end_utc?: string; content?: string; size_bytes?: number; asked_utc?: string };
}

const V1 = '/api/v1';
const MOST = 500; // the newest; what is older is found on the pages of files and of the system
const isoOrNull = (ms: number | null) => (ms === null ? null : isoOf(ms));

export const pins = (signal?: AbortSignal) =>
  get<Pin[]>(`${V1}/pins`, { is_active: true, sort: '-created', limit: MOST }, signal);
export const addPin = (stretch: Stretch, reason: string, expiresMs: number | null) =>
  send<Pin>('POST', `${V1}/pins`, { ...stretchOf(stretch), reason, expires: isoOrNull(expiresMs) });
export const releasePin = (id: string) => send<Pin>('DELETE', `${V1}/pins/${id}/`);

export const footageFiles = (signal?: AbortSignal) =>
  get<HandedFile[]>('/files/', { kind: 'footage', sort: '-id', limit: MOST }, signal);
export const addFootageFile = (stretch: Stretch, name: string | null) =>
  send<HandedFile>('POST', '/files/', { ...stretchOf(stretch), ...(name && { name }) });
export const footageFile = (id: number) => get<HandedFile>(`/files/${id}/`);
export const startAnalysis = (fileId: number, audience: Audience, comment: string) =>
  send<unknown>('POST', '/cinema/', { file_id: fileId, target_audience: audience, comment });
/** The address of what happens to a file, as Server-Sent Events. */
export const eventsPath = (fileId: number) => `/download/${fileId}/`;

/** For who may read the audit: the exports that were made. */
export const exportNotes = (signal?: AbortSignal) =>
  get<ExportNote[]>(`${V1}/audit`, { action: 'export', limit: MOST }, signal);

/** What is exported: the recorded files that touch a stretch, or the film that is cut from them. */
export type ExportContent = 'files' | 'film';

/** The address of an export: one ZIP archive with a signed manifest. */
export const exportUrl = ({ sourceId, startMs, endMs }: Stretch, content: ExportContent) =>
  `${V1}/source/${sourceId}/export${queryOf({ start: isoOf(startMs), end: isoOf(endMs), content })}`;

/** How large an answer will be, in bytes; null where it does not say. Raises ApiError as the answer itself would. */
export async function sizeOf(path: string, signal?: AbortSignal): Promise<number | null> {
  const answer = await ask(path, { method: 'HEAD', ...(signal && { signal }) });
  const text = answer.headers.get('Content-Length');
  return text === null ? null : Number(text);
}
