/** Handed files and what is said of them: docs/transfer.md. These addresses begin at the root, without /api/v1. */
import { ask, get, listed, type Parameters, queryOf, send } from './call';
import type { Severity } from './severity';

export type FileStatus = '--------' | 'processing' | 'ready' | 'error' | 'db_ready';
export const AUDIENCES = ['----', '0+', '6+', '12+', '16+', '18+'] as const;
export type Audience = (typeof AUDIENCES)[number];

export interface HandedFile {
  id: number;
  refer: string;
  name: string;
  kind: 'upload' | 'footage';
  status: FileStatus;
  size_bytes: number | null;
  received_bytes: number;
  sha256: string | null;
  media_type: string | null;
  duration_s: number | null;
  owner: string;
  created_utc: string;
  completed_utc: string | null;
  expires_utc: string | null;
  downloads: number;
  users: number;
  violations_quantity: number;
  source_id: number | null;
  record_id: string | null;
  start_utc: string | null;
  end_utc: string | null;
  error: string | null;
}

/** One finding of a report: where it is known by the list of violations, with the name that it has there. */
export interface Finding {
  violation: string;
  severity: Severity;
  start: number | null;
  end: number | null;
  page: number | null;
  quotation: string | null;
  confidence: number | null;
}

export interface Comment {
  id: number;
  comment: string;
  comment_author: 'AI' | 'User';
  actor: string;
  severity: Severity;
  violation: string | null;
  start: number | null;
  end: number | null;
  created_utc: string;
}

export interface CommentInput {
  comment: string;
  severity: Severity;
  violation: string | null;
  start: number | null;
  end: number | null;
}

export interface CinemaInput {
  target_audience: Audience;
  comment: string;
}

/** The download key of a file; address and instants are null while none is given out. */
export interface DownloadKey {
  refer: string;
  download_url: string | null;
  expires_utc: string | null;
  rotation_ends_utc: string | null;
  rotation: 'running' | 'downloaded' | 'ran_out' | 'revoked' | 'deleted' | null;
  generation: number;
  downloading: number;
  /** Who they are; null for who may not know. `account` is null for somebody who has the key alone. */
  downloaders: { account: string | null; since_utc: string }[] | null;
  downloads: number;
  users: number;
}

export interface Violation {
  id: number;
  code: string;
  violations: string;
  context: string;
  age: string;
  mark: string;
}

export interface Rating {
  target_audience: Audience;
  needed: string | null;
  verdict: 'fits' | 'does_not_fit' | 'unknown';
  labels: string[];
  because: { violation: string; severity: Severity; age: string }[];
  unsure: string[];
}

/** Everything about one file that people and analysers have said; lists are bounded, counts are of all. */
export interface Report {
  form: CinemaInput | null;
  result: { kind: 'json' | 'file'; name: string | null; actor: string; created_utc: string } | null;
  rating: Rating;
  counts: { findings: number; violations: number; comments: number };
  recommendation: { user: string; ai: string; severity: Severity } | null;
  findings: Finding[];
  comments: Comment[];
  findings_left_out: number;
  comments_left_out: number;
}

export interface FilesQuery extends Parameters {
  status?: FileStatus | null;
  kind?: HandedFile['kind'] | null;
  name?: string | null;
  limit?: number;
}

export const contentPath = (id: number): string => `/files/${id}/content`;
export const reportPath = (id: number, format: 'json' | 'html' | 'xlsx'): string =>
  `/files/${id}/report?format=${format}`;

/** The newest files first, without those that were deleted. */
export const listFiles = (query: FilesQuery, signal: AbortSignal | null = null) =>
  listed<HandedFile>(`/files/${queryOf({ ...query, sort: '-id' })}`, signal);
export const nextFiles = (address: string, signal: AbortSignal | null = null) => listed<HandedFile>(address, signal);
export const oneFile = (id: number, signal: AbortSignal | null = null) => get<HandedFile>(`/files/${id}/`, {}, signal);
export const removeFile = (id: number) => send<HandedFile>('DELETE', `/files/${id}/`);

/** The largest file that the service takes, in bytes; null where it does not say. */
export async function largestBytes(): Promise<number | null> {
  const answer = await ask('/files/', { method: 'OPTIONS' });
  const most = Number(answer.headers.get('Tus-Max-Size') ?? Number.NaN);
  return Number.isFinite(most) ? most : null;
}

export const reportOf = (id: number, signal: AbortSignal | null = null) =>
  get<Report>(`/files/${id}/report`, { format: 'json' }, signal);

export const addComment = (refer: string, body: CommentInput) =>
  send<Comment>('POST', '/comments/', { ...body, refer_file: refer, comment_author: 'User' });
export const changeComment = (id: number, body: CommentInput) => send<Comment>('PATCH', `/comments/${id}/`, body);
export const removeComment = (id: number) => send<unknown>('DELETE', `/comments/${id}/`);

export const recommend = (refer: string) => send<unknown>('POST', '/recommend/', { refer });

/** Ask for an analysis: keys are given out once the file is complete, or again where they have ended. */
export const startCinema = (id: number, body: CinemaInput) =>
  send<CinemaInput>('POST', '/cinema/', { ...body, file_id: id });
/** Change what was asked; begins nothing. */
export const changeCinema = (id: number, body: CinemaInput) => send<CinemaInput>('PATCH', `/cinema/${id}/`, body);

export const keyOf = (id: number, signal: AbortSignal | null = null) =>
  get<DownloadKey>(`/files/${id}/refer/`, {}, signal);
export const restartKey = (id: number) => send<DownloadKey>('POST', `/files/${id}/refer/`);
export const revokeKey = (id: number) => send<DownloadKey>('DELETE', `/files/${id}/refer/`);

let violations: Promise<Violation[]> | null = null;

/** The base list of violations; asked for once. */
export function listViolations(): Promise<Violation[]> {
  violations ??= get<Violation[]>('/violations/').catch((error) => {
    violations = null;
    throw error;
  });
  return violations;
}

/** Where each uninterrupted piece of a span of footage begins: in its film, in seconds, and by the clock. */
export interface FilmPiece {
  media_s: number;
  start_utc: string;
}

export const filmMap = async (sourceId: number, start: string, end: string, signal: AbortSignal | null = null) =>
  (await get<{ map: FilmPiece[] }>(`/playbackapi/source/${sourceId}`, { start, end }, signal)).map;
