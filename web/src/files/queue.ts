/**
 * Uploads of this browser: bounded in number, by tus, so that each goes on where it ended after whatever happened.
 * They live beside the pages: to look at another page of ours ends none of them.
 */
import { computed, effect, signal } from '@preact/signals';
import { type DetailedError, defaultOptions, type HttpResponse, Upload } from 'tus-js-client';
import { ApiError, csrfToken, type Detail, forgetToken, noteSession, session } from '../api/call';
import { largestBytes, oneFile, removeFile } from '../api/files';
import { me } from '../me';
import { type Doubt, doubtOf, fileIdOf, fingerprintOf } from './checks';
import { Speed } from './speed';

/** `doubtful` waits for a word; `waiting` tries again by itself; `failed` needs somebody. */
export type UploadState = 'doubtful' | 'queued' | 'running' | 'waiting' | 'paused' | 'done' | 'failed';

export interface UploadItem {
  key: number;
  file: File;
  state: UploadState;
  doubt: Doubt | null;
  fileId: number | null;
  sentBytes: number;
  /** How much was there already, of an upload that was gone on with. */
  resumedBytes: number | null;
  perSecond: number | null;
  leftMs: number | null;
  /** What went wrong: what the service said, or `no_service`; `unreadable` is a file that cannot be read any more. */
  error: Detail | null;
}

const AT_ONCE = 2; // of the six connections that a browser has for a host
const SHOWN_MS = 250;
const DELAYS_MS = [0, 1000, 2000, 3000, ...Array<number>(8000).fill(5000)]; // eleven hours

export const uploads = signal<UploadItem[]>([]);
/** The largest file that the service takes; null until it has said so. */
export const mostBytes = signal<number | null>(null);
const isSending = computed(() =>
  uploads.value.some(({ state }) => state === 'running' || state === 'waiting' || state === 'queued'),
);

interface Job {
  upload: Upload;
  speed: Speed;
  shownMs: number;
  isResumed: boolean;
}
const jobs = new Map<number, Job>();
/** Those that are being prepared: they begin when that is done, if they are to run then. */
const preparing = new Set<number>();
let lastKey = 0;

function change(key: number, values: Partial<UploadItem>): void {
  uploads.value = uploads.value.map((item) => (item.key === key ? { ...item, ...values } : item));
}

const itemOf = (key: number): UploadItem | undefined => uploads.peek().find((item) => item.key === key);

/** Take files in; what nothing speaks against is sent as soon as there is a place. */
export async function addFiles(files: Iterable<File>): Promise<void> {
  const given = [...files];
  mostBytes.value ??= await largestBytes().catch(() => null); // the service refuses what is too large in any case
  for (const file of given) takeIn(file);
  next();
}

/** The row that sends a file, or can still do so: two of them would go on with one upload, and one delete the other's. */
function rowOf(file: File): UploadItem | undefined {
  const print = fingerprintOf(file, me.name);
  const holds = ({ state, doubt }: UploadItem) => state !== 'done' && (doubt === null || doubt === 'type');
  return uploads.peek().find((item) => holds(item) && fingerprintOf(item.file, me.name) === print);
}

function takeIn(file: File): void {
  const row = rowOf(file);
  if (row?.state === 'failed') {
    jobs.delete(row.key); // it reads the file as it was chosen before
    change(row.key, { file, state: 'queued', error: null });
    return;
  }
  const doubt = row ? 'here' : doubtOf(file, mostBytes.value);
  const state = doubt ? 'doubtful' : 'queued';
  lastKey += 1;
  const nothing = { fileId: null, sentBytes: 0, resumedBytes: null, perSecond: null, leftMs: null, error: null };
  uploads.value = [...uploads.peek(), { key: lastKey, file, state, doubt, ...nothing }];
}

function next(): void {
  const busy = uploads.peek().filter(({ state }) => state === 'running' || state === 'waiting').length;
  const queued = uploads.peek().filter(({ state }) => state === 'queued');
  for (const item of queued.slice(0, Math.max(0, AT_ONCE - busy))) void start(item);
}

async function start(item: UploadItem): Promise<void> {
  change(item.key, { state: 'running', error: null });
  if (preparing.has(item.key)) return; // paused and gone on with meanwhile: one upload, not two
  preparing.add(item.key);
  try {
    const job = jobs.get(item.key) ?? (await prepare(item));
    job.speed.forget();
    jobs.set(item.key, job);
    if (itemOf(item.key)?.state === 'running') job.upload.start();
  } finally {
    preparing.delete(item.key);
  }
}

/** Make the upload of a file, of one that this browser has begun before the same. */
async function prepare({ key, file }: UploadItem): Promise<Job> {
  const upload = new Upload(file, {
    endpoint: '/files/',
    metadata: { filename: file.name },
    retryDelays: DELAYS_MS,
    fingerprint: async () => fingerprintOf(file, me.name),
    removeFingerprintOnSuccess: true,
    onBeforeRequest: async (request) => {
      request.setHeader('X-CSRFToken', await csrfToken());
    },
    onAfterResponse: (request, answer) => {
      const status = answer.getStatus();
      const isUnknown = request.getMethod() === 'HEAD' && status >= 400 && !GONE.has(status);
      if (isUnknown) throw new Refused(answer);
      const isBack = status < 400 && itemOf(key)?.state === 'waiting';
      if (isBack) change(key, { state: 'running', error: null });
    },
    onUploadUrlAvailable: () => change(key, { fileId: fileIdOf(upload.url) }),
    onProgress: (sentBytes) => note(key, sentBytes),
    onShouldRetry: (error) => mayRetry(key, error),
    onError: (error) => fail(key, error),
    onSuccess: () => {
      change(key, { state: 'done', sentBytes: file.size, fileId: fileIdOf(upload.url) });
      jobs.delete(key);
      next();
    },
  });
  const before = (await upload.findPreviousUploads()).findLast((one) => one.size === file.size && one.uploadUrl);
  if (before) upload.resumeFromPreviousUpload(before);
  return { upload, speed: new Speed(), shownMs: 0, isResumed: before !== undefined };
}

function note(key: number, sentBytes: number): void {
  const job = jobs.get(key);
  const item = itemOf(key);
  if (!job || !item) return;
  const atMs = performance.now();
  job.speed.note(sentBytes, atMs);
  const isFirst = job.isResumed && item.resumedBytes === null;
  if (!isFirst && atMs - job.shownMs < SHOWN_MS && sentBytes < item.file.size) return;
  job.shownMs = atMs;
  const moving = { perSecond: job.speed.perSecond, leftMs: job.speed.leftMs(item.file.size) };
  change(key, { sentBytes, ...moving, ...(isFirst && { resumedBytes: sentBytes }) });
}

const GONE = new Set([404, 410]);

/** How far an upload is was not told: tus would begin it anew, as if it were gone, and what came would be sent again. */
class Refused extends Error {
  readonly answer: HttpResponse;

  constructor(answer: HttpResponse) {
    super(`${answer.getStatus()}`);
    this.answer = answer;
  }
}

function answerTo(error: Error | DetailedError): HttpResponse | null {
  if (!('originalResponse' in error)) return null;
  return error.causingError instanceof Refused ? error.causingError.answer : error.originalResponse;
}

const saidNothing = (type: string, msg = ''): Detail => ({ loc: [], msg, type });

/** What the service said of a request that failed; of one without an answer `no_service`, with status 0. */
function saidOf(error: Error | DetailedError): { status: number; said: Detail } {
  const answer = answerTo(error);
  if (!answer) return { status: 0, said: saidNothing('originalRequest' in error ? 'no_service' : 'unreadable') };
  const status = answer.getStatus();
  try {
    const [entry] = (JSON.parse(answer.getBody()) as { detail: Detail[] }).detail;
    if (entry) return { status, said: entry };
  } catch {} // a proxy's page, or nothing
  return { status, said: saidNothing(status === 401 ? 'unauthorised' : 'unexplained', `${status}`) };
}

const FINAL_CONFLICTS = new Set(['taken_over', 'length_differs']);
const PASSING = new Set([0, 401, 408, 409, 423, 425, 429, 460, 500, 502, 503, 504]);

/** Try again what another attempt may heal, or another sign-in; a refusal, a full storage and another tab that took over are told. */
function mayRetry(key: number, error: DetailedError): boolean {
  const { status, said } = saidOf(error);
  if (status === 401) noteSession('/files/', status);
  const isStale = said.type === 'csrf_token';
  if (isStale) forgetToken();
  const isPassing = isStale || (PASSING.has(status) && !FINAL_CONFLICTS.has(said.type));
  if (isPassing && itemOf(key)) {
    jobs.get(key)?.speed.forget();
    change(key, { state: 'waiting', error: said, perSecond: null, leftMs: null });
  }
  return isPassing;
}

function fail(key: number, error: Error | DetailedError): void {
  change(key, { state: 'failed', error: saidOf(error).said, perSecond: null, leftMs: null });
  next();
}

/** Stop for now; what came stays with the service. */
export async function pause(key: number): Promise<void> {
  change(key, { state: 'paused', perSecond: null, leftMs: null });
  await jobs.get(key)?.upload.abort();
  next();
}

/** Go on with what was paused or has failed, or send what was doubted. */
export function goOn(key: number): void {
  change(key, { state: 'queued', doubt: null, error: null });
  next();
}

/** Delete what came of a file; false: it is whole, by this tab or by another, and stays. Raises ApiError. */
export async function removePart(fileId: number): Promise<boolean> {
  try {
    if ((await oneFile(fileId)).completed_utc !== null) return false;
    await removeFile(fileId);
  } catch (error) {
    if (!(error instanceof ApiError && GONE.has(error.status))) throw error;
  }
  return true;
}

/** Stop for good: what came is deleted, unless it is the whole file. Raises ApiError where the service does not do it. */
export async function cancel(key: number): Promise<void> {
  if (itemOf(key)?.state !== 'done') await pause(key);
  const item = itemOf(key);
  if (!item || item.state === 'done') return; // its last bytes came while somebody was asked
  const isWhole = item.fileId !== null && !(await removePart(item.fileId));
  await forget(fingerprintOf(item.file, me.name));
  if (isWhole) change(key, { state: 'done', sentBytes: item.file.size, error: null });
  else dismiss(key);
}

/** Let this browser forget an upload. */
export async function forget(fingerprint: string): Promise<void> {
  const { urlStorage } = defaultOptions;
  for (const one of await urlStorage.findUploadsByFingerprint(fingerprint))
    await urlStorage.removeUpload(one.urlStorageKey);
}

/** Take a row away: it is done, was refused or cancelled. */
export function dismiss(key: number): void {
  jobs.delete(key);
  uploads.value = uploads.value.filter((item) => item.key !== key);
  next();
}

/** Who waits need not wait longer. */
function goOnNow(): void {
  for (const { key, state } of uploads.peek()) {
    const upload = jobs.get(key)?.upload;
    if (state === 'waiting' && upload) void upload.abort().then(() => upload.start());
  }
}

addEventListener('online', goOnNow);
effect(() => {
  if (session.value === 'open') goOnNow();
});

const warn = (event: BeforeUnloadEvent): void => event.preventDefault();

effect(() => {
  if (isSending.value) addEventListener('beforeunload', warn);
  else removeEventListener('beforeunload', warn);
});
