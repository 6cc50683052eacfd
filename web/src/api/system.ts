/** How the service is: storages, health, losses, retention. Instants are text, as on the wire. */
import { isoOf } from '../instants';
import { get, queryOf, send } from './call';
import type { Pin } from './clips';

export type { Pin };

const V1 = '/api/v1';

export type StorageState = 'ok' | 'full' | 'read_only' | 'away' | 'slow' | 'failing';
export interface Storage {
  id: string;
  path: string;
  is_cold: boolean;
  state: StorageState;
  state_detail: string | null;
  state_utc: string | null;
  looked_utc: string | null;
  total_bytes: number | null;
  free_bytes: number | null;
  budget_bytes: number | null;
  reserve_bytes: number;
  used_bytes: number;
  kept_s: number;
  hours_until_full: number | null;
  cold_after_s: number | null;
  write_us: number | null;
  write_worst_us: number | null;
}

export interface Forecast {
  sources: { source_id: number; bytes_s: number | null; is_recording: boolean }[];
  storages: { storage_id: string; pinned_bytes: number; capacity_bytes: number | null }[];
  rules: { rule_id: string; needed_bytes: number | null; is_met: boolean | null }[];
  bytes_s: number;
  used_bytes: number;
  pinned_bytes: number;
  needed_bytes: number;
  /** Of the rule that was asked with: what goes as soon as it is there. Null without one, or where that is not known. */
  deletes_bytes: number | null;
  capacity_bytes: number | null;
  hours_until_full: number | null;
  reachable_days: number | null;
}

export interface SourceHealth {
  source_id: number;
  description: string | null;
  status: 'online' | 'offline' | 'unauthorised' | 'no_video' | 'unknown';
  status_detail: string | null;
  is_wanted: boolean;
  recorder_id: string | null;
  lag_s: number | null;
  bytes_s: number | null;
  clock_offset_s: number | null;
  kept_s: number;
  kept_bytes: number;
  oldest_utc: string | null;
  reconnects_day: number;
  last_reason: string | null;
  last_detail: string | null;
  last_utc: string | null;
}

export interface ServiceHealth {
  version: string;
  python: string;
  database: string;
  parts: Record<'database' | 'broker' | 'storage' | 'recorder', boolean>;
  processes: { role: 'recorder' | 'worker' | 'web'; pid: number | null }[];
  recorders: { id: string; host: string; pid: number; is_seen: boolean; seen_utc: string; source_ids: number[] }[];
  behind: {
    unhashed_records: number;
    doomed_files: number;
    sync_waiting: number;
    untold_notices: number;
    missing_segments: number;
    faulty_segments: number;
    ledger_s: number | null;
    verified_age_s: number | null;
  };
  clock: { is_set: boolean; step_utc: string | null; step_s: number | null };
  audit: { position: number; sealed_utc: string | null; unsealed: number; anchored_utc: string | null } | null;
}

export interface Health {
  at_utc: string;
  service: ServiceHealth | null;
  sources: SourceHealth[];
}

export interface LossGap {
  start_utc: string;
  end_utc: string;
  cause: string;
  detail: string | null;
}
export interface SourceLoss {
  source_id: number;
  description: string | null;
  settled_utc: string | null;
  expected_s: number;
  recorded_s: number;
  coverage: number | null;
  seconds: { cause: string; words: string; seconds: number }[];
  worst: LossGap[];
}

export type Scope = 'all' | 'group' | 'tag' | 'source';
export const LIMITS = ['min_age_s', 'max_age_s', 'min_bytes', 'max_bytes'] as const;
export type LimitName = (typeof LIMITS)[number];
export type Limits = Record<LimitName, number | null>;
export interface Rule extends Limits {
  id: string;
  actor: string;
  changed_utc: string;
  scope: Scope;
  source_id: number | null;
  name: string;
}
export type NewTarget = { scope: Scope; group_name?: string; tag_name?: string; source_id?: number };
export type NewRule = Limits & NewTarget;

export interface Explanation {
  state: 'kept' | 'open' | 'deleted' | 'none';
  tags: string[];
  limits: Record<LimitName, { value: number; scope: Scope; name: string } | null>;
  is_pinned: boolean;
  earliest_utc: string | null;
  why: string;
}

export const storages = (signal?: AbortSignal) => get<Storage[]>(`${V1}/storage`, {}, signal);
export const health = (signal?: AbortSignal) => get<Health>(`${V1}/health`, {}, signal);
export const forecast = (signal?: AbortSignal) => get<Forecast>(`${V1}/retention/forecast`, {}, signal);
/** As it would be with a rule that has these limits: one that is there, or a new one. The last of `rules` is it. */
export const forecastWith = (rule: { rule_id: string } | NewTarget, limits: Limits, signal?: AbortSignal) =>
  get<Forecast>(`${V1}/retention/forecast`, { ...rule, ...limits }, signal);
export const rules = (signal?: AbortSignal) => get<Rule[]>(`${V1}/retention`, {}, signal);
/** Raises ApiError 409 `unreachable`, whose body has the forecast as it would be. */
export const addRule = (rule: NewRule) => send<Rule>('POST', `${V1}/retention`, rule);
export const changeRule = (id: string, limits: Limits) => send<Rule>('PUT', `${V1}/retention/${id}/`, limits);
export const removeRule = (id: string) => send<Rule>('DELETE', `${V1}/retention/${id}/`);
export const explain = (sourceId: number, atMs: number) =>
  get<Explanation>(`${V1}/source/${sourceId}/retention`, { at: isoOf(atMs) });
export const activePins = (signal?: AbortSignal) =>
  get<Pin[]>(`${V1}/pins`, { is_active: true, limit: 200, sort: '-created' }, signal);
export const tags = (signal?: AbortSignal) => get<{ name: string }[]>(`${V1}/tags`, { limit: 1000 }, signal);

const rangeOf = (startMs: number, endMs: number) => ({ start: isoOf(startMs), end: isoOf(endMs) });
export const losses = async (startMs: number, endMs: number, signal?: AbortSignal) =>
  (await get<{ sources: SourceLoss[] }>(`${V1}/losses`, { ...rangeOf(startMs, endMs), worst: 10 }, signal)).sources;
export const lossesTableAddress = (startMs: number, endMs: number) =>
  `${V1}/losses${queryOf({ ...rangeOf(startMs, endMs), format: 'csv' })}`;
