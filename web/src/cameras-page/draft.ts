/** A camera as the form has it, and as the service takes and gives it. */
import type { Model, Source, SourceInput } from '../api/sources';
import type { Camera } from '../cameras';
import { join, placeOf, split } from './addresses';

export interface Draft {
  model: Model;
  name: string;
  /** Without user and password. */
  address: string;
  user: string;
  /** The mask while the stored one is kept. */
  password: string;
  auth: 'basic' | 'digest';
  template: string;
  groupIds: string[];
  /** Whether a new camera records at once. */
  isRecorded: boolean;
}

export const EMPTY: Draft = {
  model: 'Source',
  name: '',
  address: '',
  user: '',
  password: '',
  auth: 'digest',
  template: '',
  groupIds: [],
  isRecorded: false,
};

/** What a change of makes an earlier trial worth nothing. */
export const TRIED: (keyof Draft)[] = ['model', 'address', 'user', 'password', 'auth', 'template'];

export function draftOf(camera: Camera): Draft {
  const { uri_http_picture: picture, uri_rtsp, description, ffmpeg_cmd } = camera.source;
  const about = { model: camera.model, name: description ?? '', template: ffmpeg_cmd, groupIds: camera.groupIds };
  if (camera.model === 'PictureSource') {
    const { uri, user, password, auth } = picture;
    const login = { user: user ?? '', password: password ?? '', auth: auth ?? 'digest' };
    return { ...EMPTY, ...about, ...login, address: uri ?? '' };
  }
  const { bare, user, password } = split(uri_rtsp ?? '');
  return { ...EMPTY, ...about, address: bare, user, password };
}

export function inputOf(draft: Draft, isNew: boolean): SourceInput {
  const { model, address, user, password, auth, template } = draft;
  const about = {
    model,
    ...((draft.name.trim() || !isNew) && { description: draft.name.trim() || null }),
    ...((template.trim() || !isNew) && { ffmpeg_cmd: template.trim() }),
  };
  if (model === 'Source') return { ...about, uri_rtsp: join({ bare: address, user: user.trim(), password }) };
  const login = user.trim()
    ? { auth, user: user.trim(), password: password || null }
    : { auth: null, user: null, password: null };
  return { ...about, uri_http_picture: { uri: address.trim(), ...login } };
}

/** What of a camera was changed in the form: somebody else may have changed the rest meanwhile. */
export function changesOf(before: Draft, draft: Draft): SourceInput {
  const known = new Map(Object.entries(inputOf(before, false)).map(([key, value]) => [key, JSON.stringify(value)]));
  const changed = Object.entries(inputOf(draft, false)).filter(
    ([key, value]) => known.get(key) !== JSON.stringify(value),
  );
  return { model: draft.model, ...Object.fromEntries(changed) };
}

/** An attempt of which nobody knows how it ended. */
export interface Lost {
  readonly draft: Draft;
  /** The ids of the cameras that there were before it. */
  readonly before: ReadonlySet<number>;
}

/** The camera that the attempt has made; undefined where it has made none. */
export function madeBy({ draft, before }: Lost, sources: Source[]): Source | undefined {
  const place = placeOf(draft.address);
  return sources.find(
    ({ id, description, uri_rtsp, uri_http_picture: { uri } }) =>
      !before.has(id) &&
      (description ?? '') === draft.name.trim() &&
      placeOf((draft.model === 'Source' ? uri_rtsp : uri) ?? '') === place,
  );
}
