/** Accounts, tokens, share links and what was done by whom. Instants are text, as on the wire. */
import type { Role } from '../me';
import { get, listed, type Parameters, queryOf, send } from './call';

const V1 = '/api/v1';

export interface Account {
  id: string;
  created_utc: string;
  name: string;
  role: Role;
  is_active: boolean;
  is_once: boolean;
  has_password: boolean;
  has_totp: boolean;
  sees_all: boolean;
  source_ids: number[];
  group_ids: string[];
  last_sign_in_utc: string | null;
  sessions: number;
}
/** `password` is told once, where one was made. */
export type MadeAccount = Account & { password: string | null };
export interface Rights {
  sees_all: boolean;
  source_ids: number[];
  group_ids: string[];
}
export type NewAccount = Rights & { name: string; role: Role; password?: string };
export type AccountChange = Partial<Rights> & { role?: Role; is_active?: boolean };

export const accounts = (signal?: AbortSignal) => get<Account[]>(`${V1}/account`, {}, signal);
export const addAccount = (body: NewAccount) => send<MadeAccount>('POST', `${V1}/account`, body);
export const changeAccount = (id: string, body: AccountChange) => send<Account>('PATCH', `${V1}/account/${id}/`, body);
export const deactivate = (id: string) => send<Account>('DELETE', `${V1}/account/${id}/`);
export const resetPassword = (id: string) => send<MadeAccount>('POST', `${V1}/account/${id}/password`, {});
export const takeTotpAway = (id: string) => send<Account>('DELETE', `${V1}/account/${id}/totp`);
export const endSessions = (id: string) => send<Account>('DELETE', `${V1}/account/${id}/session`);

export interface Token {
  id: string;
  name: string;
  account: string;
  role: Role | 'analyser';
  endpoints: string[] | null;
  source_ids: number[] | null;
  begin_utc: string | null;
  end_utc: string | null;
  created_utc: string;
  created_by: string;
  expires_utc: string | null;
  revoked_utc: string | null;
  last_used_utc: string | null;
  is_active: boolean;
}
export type MadeToken = Token & { token: string };
export interface NewToken {
  name: string;
  role: Role | 'analyser';
  endpoints?: string[];
  source_ids?: number[];
  begin?: string;
  end?: string;
  expires?: string;
  /** Whose it is to be; left out: one's own. For an administrator who sees all cameras. */
  account?: string;
}

/** `isOfAll`: those of every account, for an administrator. */
export const tokens = (isOfAll: boolean, signal?: AbortSignal) =>
  get<Token[]>(`${V1}/token`, { sort: '-created', account: isOfAll ? '*' : null }, signal);
export const addToken = (body: NewToken) => send<MadeToken>('POST', `${V1}/token`, body);
export const revokeToken = (id: string) => send<Token>('DELETE', `${V1}/token/${id}/`);

export interface Act {
  id: number;
  at_utc: string;
  actor: string;
  action: string;
  subject: string;
  source_id: number | null;
  how: string | null;
  address: string | null;
  detail: Record<string, unknown>;
}
/** A page of the audit log, newest first. */
export const actsAt = (address: string, signal: AbortSignal | null = null) => listed<Act>(address, signal);
export const actsAddress = (filters: Parameters): string => `${V1}/audit${queryOf({ ...filters, limit: 100 })}`;
