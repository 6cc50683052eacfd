/** What is done with cameras on their page: trying them, looking for them, many at once, schedules of groups. */
import { get, send } from './call';
import type { Group, Model, Source, SourceInput, SourceStatus } from './sources';

const V1 = '/api/v1';

export type Reason =
  | 'address_forbidden'
  | 'name_unknown'
  | 'refused'
  | 'unreachable'
  | 'no_answer'
  | 'tls'
  | 'wrong_password'
  | 'not_permitted'
  | 'path_unknown'
  | 'redirected'
  | 'not_a_camera'
  | 'no_video'
  | 'no_key_frame'
  | 'codec_unknown'
  | 'camera_error'
  | 'bad_template'
  | 'failed';

/** What a trial has found: a picture (a data URL), or the reason why there is none. */
export interface Trial {
  status: SourceStatus;
  reason: Reason | null;
  detail: string | null;
  picture: string | null;
  codec: string | null;
  width: number | null;
  height: number | null;
  fps: number | null;
  has_audio: boolean | null;
  took_s: number;
}

export interface Measured {
  status: SourceStatus;
  detail: string | null;
  measured_utc: string | null;
  video: { codec: string; width: number | null; height: number | null; frame_rate: number | null } | null;
  audio: { codec: string; rate_hz: number | null; channels: number | null } | null;
  is_recording: boolean;
  clock_offset_s: number | null;
}

export interface Device {
  address: string;
  endpoint: string;
  name: string;
  hardware: string;
  location: string;
  xaddrs: string[];
  problem: string | null;
  source_ids: number[];
}

export const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type Day = (typeof DAYS)[number];
export interface Window {
  day: Day;
  begin: string;
  end: string;
}
export interface ScheduleInput {
  tag_name: string;
  time_zone: string;
  windows: Window[];
  is_enabled: boolean;
}
export interface Schedule extends ScheduleInput {
  group_id: string;
  is_open: boolean;
}

export type BulkRow = SourceInput & { group_name?: string };

export const testSource = (body: SourceInput & { source_id?: number }, signal?: AbortSignal) =>
  send<Trial>('POST', `${V1}/source/test`, body, signal);
export const discover = (signal?: AbortSignal) => send<Device[]>('POST', `${V1}/source/discover`, undefined, signal);
/** Add all of them, or none where one is wrong: `detail` then names rows from 0. */
export const addMany = (rows: BulkRow[]) => send<Source[]>('POST', `${V1}/source/bulk`, { sources: rows });

export const measured = (id: number, signal?: AbortSignal) => get<Measured>(`${V1}/source/${id}/status`, {}, signal);
export const measureNow = (id: number) => send<Measured>('POST', `${V1}/source/${id}/status`);

export const groupsOf = (model: Model, signal?: AbortSignal) => get<Group[]>(`${V1}/group`, { model }, signal);
export const schedule = (groupId: string, signal?: AbortSignal) =>
  get<Schedule>(`${V1}/group/${groupId}/schedule`, {}, signal);
export const putSchedule = (groupId: string, body: ScheduleInput) =>
  send<Schedule>('PUT', `${V1}/group/${groupId}/schedule`, body);
export const removeSchedule = (groupId: string) => send<Schedule>('DELETE', `${V1}/group/${groupId}/schedule`);
