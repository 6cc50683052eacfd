/** Calls of the service. Every failure is an ApiError holding what the service said; its message is in the user's words. */
import { signal } from '@preact/signals';
import { type Early, JSON_ONLY, takeEarly } from '../early';
import { noteClock } from '../instants';
import { type Parameters, queryOf } from './paths';
import { type Detail, refusalText } from './refusals';

export type { Detail, Parameters };
export { queryOf };

export class ApiError extends Error {
  /** Status 0: nothing answered. `body` is the whole answer, where it says more than `detail`. */
  readonly status: number;
  readonly detail: Detail[];
  readonly body: Record<string, unknown>;

  constructor(status: number, detail: Detail[], body: Record<string, unknown> = {}) {
    super(refusalText(detail));
    this.status = status;
    this.detail = detail;
    this.body = body;
  }

  /** Whether it says nothing of what was asked for: another attempt may go well. */
  get isPassing(): boolean {
    return [0, 401, 408, 429].includes(this.status) || this.status >= 500;
  }

  has(type: string): boolean {
    return this.detail.some((entry) => entry.type === type);
  }

  /** What was said of one field of what was sent; empty where nothing was. */
  of(field: string): Detail[] {
    return this.detail.filter((entry) => entry.loc.includes(field));
  }

  /** What was said of anything but these fields. */
  elsewhere(fields: readonly string[]): Detail[] {
    return this.detail.filter(({ loc }) => !fields.some((field) => loc.includes(field)));
  }
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

const SILENT_MS = 1000; // nobody who signs out waits longer for what he sees no more
const unreachable = () => new ApiError(0, [{ loc: [], msg: 'The service does not answer', type: 'no_service' }]);

/** What was asked and is not answered. */
const asked = new Set<Promise<Response>>();
let isLeaving = false;

/** Fetch, or take what was. Raises ApiError with status 0 where nothing answers, and AbortError. */
async function reach(path: string, init: RequestInit, early: Early | null): Promise<Response> {
  if (isLeaving) await new Promise(() => {}); // for ever: the page goes
  const answer = early?.answer ?? fetch(path, init);
  asked.add(answer);
  try {
    return await answer;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw unreachable();
  } finally {
    asked.delete(answer);
  }
}

/**
 * Ask for nothing any more: whoever looks signs out, and it would be refused. Done once all that was asked is answered, or
 * soon. A page that the browser brings back is loaded anew.
 */
export async function fallSilent(): Promise<void> {
  isLeaving = true;
  addEventListener('pageshow', () => location.reload(), { once: true });
  await Promise.race([Promise.allSettled(asked), new Promise((done) => setTimeout(done, SILENT_MS))]);
}

async function failureOf(answer: Response): Promise<ApiError> {
  const isJson = (answer.headers.get('Content-Type') ?? '').includes('json');
  const said = isJson ? ((await answer.json().catch(() => ({}))) as Record<string, unknown>) : {};
  const unexplained = [{ loc: [], msg: `The service answered ${answer.status} without a reason`, type: 'unexplained' }];
  return new ApiError(answer.status, Array.isArray(said.detail) ? said.detail : unexplained, said);
}

const TOKEN_PATH = '/csrftoken/'; // open to everybody

/**
 * The session of who looks: `over` once the service knows it no more, `noted` when he has read that. The page stays as it
 * is meanwhile (signedout.tsx): what is typed, and what is being sent, would be lost with it.
 */
export const session = signal<'open' | 'over' | 'noted'>('open');

/** Note by an answer whether somebody is still signed in; nothing where strangers get the same. */
export function noteSession(path: string, status: number): void {
  if (status < 400 && path !== TOKEN_PATH) session.value = 'open';
  if (status === 401 && session.peek() === 'open') {
    session.value = 'over';
    forgetToken();
  }
}

/** Fetch and check. */
export async function ask(path: string, init: RequestInit = {}, early: Early | null = null): Promise<Response> {
  const answer = await reach(path, init, early);
  noteSession(path, answer.status);
  if (answer.ok) return answer;
  throw await failureOf(answer);
}

/**
 * As `ask`, for JSON: the browser asks the service whether what it keeps still holds, also where somebody went back to a
 * page, so that the Date is of now. Media are kept for good, with the Date of when they came.
 */
async function askJson(path: string, init: RequestInit, early: Early | null = null): Promise<Response> {
  const askedMs = early?.askedMs ?? Date.now();
  const answer = await ask(path, { cache: 'no-cache', ...init }, early);
  noteClock(answer.headers.get('Date'), askedMs);
  return answer;
}

let token: Promise<string> | null = null;

async function askToken(): Promise<string> {
  const answer = await askJson(TOKEN_PATH, { cache: 'no-store' });
  return (await bodyOf<{ csrfToken: string }>(answer)).csrfToken;
}

/** What each change carries, so that no page of another site can make one; asked for once. */
export function csrfToken(): Promise<string> {
  token ??= askToken().catch((error) => {
    token = null;
    throw error;
  });
  return token;
}

/** Forget the token: another tab has signed in or out since. */
export function forgetToken(): void {
  token = null;
}

/** The JSON of an answer. The connection may break in the middle of it: that is as if nothing had answered. */
async function bodyOf<T>(answer: Response, early: Early | null = null): Promise<T> {
  try {
    return (answer.status === 204 ? null : await (early?.body ?? answer.json())) as T;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw unreachable();
  }
}

/** Ask for JSON. Raises ApiError, and AbortError once the signal says so. */
export async function get<T>(path: string, parameters: Parameters = {}, signal: AbortSignal | null = null): Promise<T> {
  const address = path + queryOf(parameters);
  const early = takeEarly(address, signal);
  return bodyOf<T>(await askJson(address, { headers: JSON_ONLY, signal }, early), early);
}

export interface Listed<Row> {
  rows: Row[];
  /** The address of the next page; null for the last (header Link, RFC 8288). */
  next: string | null;
}

/** The page of a list at an address of ours: the first, or what the page before named. Raises as `get` does. */
export async function listed<Row>(address: string, signal: AbortSignal | null = null): Promise<Listed<Row>> {
  const answer = await askJson(address, { headers: JSON_ONLY, signal });
  const next = /<([^>]+)>;\s*rel="?next"?/.exec(answer.headers.get('Link') ?? '')?.[1] ?? null;
  return { rows: await bodyOf<Row[]>(answer), next };
}

type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

async function sendOnce<T>(method: Method, path: string, body: unknown, signal: AbortSignal | null): Promise<T> {
  const headers: Record<string, string> = { ...JSON_ONLY, 'X-CSRFToken': await csrfToken() };
  const init: RequestInit = { method, headers, signal };
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  return bodyOf<T>(await askJson(path, init));
}

/** Change something; returns the answer's JSON, null where it has none. Raises as `get` does. */
export async function send<T>(
  method: Method,
  path: string,
  body?: unknown,
  signal: AbortSignal | null = null,
): Promise<T> {
  try {
    return await sendOnce<T>(method, path, body, signal);
  } catch (error) {
    if (!(error instanceof ApiError && error.has('csrf_token'))) throw error;
    forgetToken();
    return sendOnce<T>(method, path, body, signal);
  }
}
