/** Share links: /api/v1/share. */
import { isoOf } from '../instants';
import { get, send } from './call';
import { type Stretch, stretchOf, type WireInterval } from './footage';

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
  last_used_utc: string | null;
  is_active: boolean;
}

export interface ShareWish {
  expiresMs: number;
  count: number | null;
  password: string | null;
  mayDownload: boolean;
  description: string | null;
}

const PATH = '/api/v1/share';
const MOST = 500;

/** The newest, all of them or those that open now. */
export const shares = (isActive: true | null = null, signal?: AbortSignal) =>
  get<Share[]>(PATH, { is_active: isActive, sort: '-created', limit: MOST }, signal);
/** The answer alone has the link's address: it is told this once. */
export const addShare = (stretch: Stretch, wish: ShareWish) =>
  send<Share & { url: string }>('POST', PATH, {
    ...stretchOf(stretch),
    expires: isoOf(wish.expiresMs),
    count: wish.count,
    password: wish.password,
    may_download: wish.mayDownload,
    description: wish.description,
  });
export const revokeShare = (id: string) => send<Share>('DELETE', `${PATH}/${id}/`);
