/** Calls of the service. Every failure is an ApiError holding what the service said. */

let serverAheadMs = 0;

/** Milliseconds since the epoch by the clock of the service, whatever this machine's clock says. */
export function nowMs() {
  return Date.now() + serverAheadMs;
}

export class ApiError extends Error {
  /** `detail` is the contract's list of {loc, msg, type}; `body` the whole answer. */
  constructor(status, detail, body = {}) {
    super(detail.map((entry) => entry.msg).join(' · '));
    this.status = status;
    this.detail = detail;
    this.body = body;
  }

  has(type) {
    return this.detail.some((entry) => entry.type === type);
  }
}

function noteClock(headers, askedMs) {
  const dateMs = Date.parse(headers.get('Date') ?? '');
  // The header has whole seconds: half of one is the best guess, less than two is no error to correct.
  const aheadMs = dateMs + 500 - (askedMs + Date.now()) / 2;
  if (Number.isFinite(aheadMs)) serverAheadMs = Math.abs(aheadMs) < 2000 ? 0 : aheadMs;
}

async function readBody(answer) {
  const isJson = (answer.headers.get('Content-Type') ?? '').includes('json');
  return isJson ? answer.json() : {};
}

/** Fetch. Raises ApiError with status 0 where nothing answers, and AbortError. */
async function reach(path, init) {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, [{ loc: [], msg: 'The service does not answer', type: 'unreachable' }]);
  }
}

let token = null;

/** What each change carries, so that no page of another site can make one; asked for once, and again where it ended. */
async function csrfToken() {
  token ??= (await (await reach('/csrftoken/', { cache: 'no-store' })).json()).csrfToken;
  return token;
}

/** Send a request; return its JSON, null where there is none. Raises ApiError; status 0 where nothing answered. */
export async function call(method, path, given = {}) {
  try {
    return await send(method, path, given);
  } catch (error) {
    if (!(error instanceof ApiError && error.has('csrf_token'))) throw error;
    token = null; // another tab has signed in or out since
    return send(method, path, given);
  }
}

async function send(method, path, { body, signal }) {
  const init = { method, signal, headers: { Accept: 'application/json' } };
  if (method !== 'GET') init.headers['X-CSRFToken'] = await csrfToken();
  if (body !== undefined) {
    init.headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  const askedMs = Date.now();
  const answer = await reach(path, init);
  noteClock(answer.headers, askedMs);
  if (answer.ok) return answer.status === 204 ? null : readBody(answer);
  if (answer.status === 401) location.assign('/login');
  const said = await readBody(answer).catch(() => ({}));
  const unexplained = [{ loc: [], msg: `The service answered ${answer.status} without a reason`, type: 'http_error' }];
  throw new ApiError(answer.status, said.detail ?? unexplained, said);
}

const get = (path, parameters, signal) => {
  const query = parameters ? `?${new URLSearchParams(parameters)}` : '';
  return call('GET', path + query, { signal });
};
const seconds = (instantMs) => (instantMs / 1000).toFixed(3);

export const sources = () => get('/api/v1/source');
export const addSource = (body) => call('POST', '/api/v1/source', { body });
export const removeSource = (id) => call('DELETE', `/api/v1/source/${id}/`);

export const groups = () => get('/api/v1/group');
export const group = (id) => get(`/api/v1/group/${id}/`);
export const addGroup = async (model, name) => (await call('POST', '/api/v1/group', { body: { model, name } }))[0];
export const addMember = (groupId, sourceId) => call('POST', `/api/v1/group/${groupId}/source/${sourceId}/`);

export const runningTags = () => get('/api/v1/tag/begin');
export const records = (tagName) => get('/api/v1/record', { tag_name: tagName });
export const start = (model, tagName, groupName) =>
  call('POST', '/api/v1/record', { body: { model, tag_name: tagName, group_name: groupName } });
export const stop = (tagName) => call('PUT', '/api/v1/record', { body: { tag_name: tagName } });

/** Coverage of many cameras between two instants, gaps shorter than `resolutionS` closed. */
export function timeline(sourceIds, startMs, endMs, resolutionS, signal) {
  const range = { start: seconds(startMs), end: seconds(endMs) };
  return get('/playbackapi/timeline', { source_id: sourceIds.join(','), ...range, resolution: resolutionS }, signal);
}

/** What is missing of a camera between two instants, with the causes. */
export function gaps(sourceId, startMs, endMs, signal) {
  return get(`/api/v1/source/${sourceId}/gaps`, { start: seconds(startMs), end: seconds(endMs) }, signal);
}

/** What there is of a camera; `endMs` null: up to now, with addresses that go on. */
export function footage(sourceId, startMs, endMs, signal) {
  const range = { start: seconds(startMs), ...(endMs === null ? {} : { end: seconds(endMs) }) };
  return get(`/playbackapi/source/${sourceId}`, range, signal);
}

/** Fetch media: a playlist's text, or bytes, of which `range` names the first and the last. */
async function media(path, range, signal) {
  const answer = await reach(path, { signal, headers: range ? { Range: `bytes=${range[0]}-${range[1]}` } : {} });
  if (answer.ok) return answer;
  throw new ApiError(answer.status, [{ loc: [], msg: `The footage is gone (${answer.status})`, type: 'http_error' }]);
}
export const text = async (path, signal) => (await media(path, null, signal)).text();
export const bytes = async (path, range, signal) => (await media(path, range, signal)).arrayBuffer();
