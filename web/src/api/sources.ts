/** Cameras, groups, records and tags: /api/v1 as the record API's contract has it. */
import { get, send } from './call';
import { GROUPS, OPEN_RECORDS, SOURCES } from './paths';

export type Model = 'Source' | 'PictureSource';
export type SourceStatus = 'online' | 'offline' | 'unauthorised' | 'no_video' | 'unknown';

export interface PictureAddress {
  uri: string | null;
  auth: 'basic' | 'digest' | null;
  user: string | null;
  password: string | null;
}

export interface Source {
  id: number;
  created_utc: string;
  status: SourceStatus;
  uri_rtsp: string | null;
  uri_http_picture: PictureAddress;
  description: string | null;
  ffmpeg_cmd: string;
}

export interface Group {
  id: string;
  created_utc: string;
  name: string;
}

/** A record that goes on; `waiting`: nothing records the camera now, `has_recorder` false: since no recorder runs. */
export interface OpenRecord {
  record_id: string;
  tag: string;
  source_id: number;
  status: 'recording' | 'waiting';
  has_recorder: boolean;
  begin_utc: string;
}

export interface SourceInput {
  model?: Model;
  description?: string | null;
  uri_rtsp?: string | null;
  uri_http_picture?: Partial<PictureAddress> | null;
  ffmpeg_cmd?: string | null;
}

const V1 = '/api/v1';

export const sources = (signal?: AbortSignal) => get<Source[]>(SOURCES, {}, signal);
export const addSource = (body: SourceInput) => send<Source>('POST', `${V1}/source`, body);
export const changeSource = (id: number, body: SourceInput) => send<Source>('PUT', `${V1}/source/${id}/`, body);
export const removeSource = (id: number) => send<Source>('DELETE', `${V1}/source/${id}/`);

export const groups = (signal?: AbortSignal) => get<Group[]>(GROUPS, {}, signal);
export const group = (id: string, signal?: AbortSignal) =>
  get<Group & { sources: Source[] }>(`${V1}/group/${id}/`, {}, signal);
export const addGroup = async (model: Model, name: string) =>
  (await send<[Group]>('POST', `${V1}/group`, { model, name }))[0];
export const removeGroup = (id: string) => send<Group>('DELETE', `${V1}/group/${id}/`);
export const addMember = (groupId: string, sourceId: number) =>
  send<boolean>('POST', `${V1}/group/${groupId}/source/${sourceId}/`);
export const removeMember = (groupId: string, sourceId: number) =>
  send<boolean>('DELETE', `${V1}/group/${groupId}/source/${sourceId}/`);

/** Names of tags, the newest first. */
export const knownTags = async (signal?: AbortSignal) =>
  (await get<{ name: string }[]>(`${V1}/tags`, { sort: '-created', limit: 200 }, signal)).map(({ name }) => name);
/** The records of all tags that have not ended, by tag. */
export const openRecords = (signal?: AbortSignal) => get<OpenRecord[]>(OPEN_RECORDS, {}, signal);
/** Start recording the cameras of a group, all of one model, under a tag. */
export const startRecording = (model: Model, tagName: string, groupName: string) =>
  send<null>('POST', `${V1}/record`, { model, tag_name: tagName, group_name: groupName });
/** Stop what records under a tag, of one model or of all. */
export const stopRecording = (tagName: string, model?: Model) =>
  send<null>('PUT', `${V1}/record`, { tag_name: tagName, ...(model && { model }) });
