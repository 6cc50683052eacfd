/** What the service says of cameras, groups and recordings, asked again and again while somebody looks. */
import { batch, computed, signal } from '@preact/signals';
import { ApiError } from './api/call';
import * as api from './api/sources';
import { nameOf, toldApart } from './cameranames';

export { shortened } from './cameranames';

const CAMERAS_EVERY_MS = 2500;
const GROUPS_EVERY_MS = 15_000;

export interface Camera {
  id: number;
  /** The first line of its description; with its number where others are called the same. */
  name: string;
  model: api.Model;
  status: api.SourceStatus;
  /** The address with its password masked. */
  address: string;
  /** The tags under which it is to be recorded now, each with since when. */
  tags: { name: string; sinceMs: number }[];
  isWanted: boolean;
  isRecording: boolean;
  /** It is to be recorded, and no recorder runs that could. */
  isUnattended: boolean;
  groupIds: string[];
  source: api.Source;
}

export interface CameraGroup {
  id: string;
  name: string;
  sourceIds: number[];
}

/** In the order of their ids; null until the service has answered for the first time. */
export const cameras = signal<Camera[] | null>(null);
export const groups = signal<CameraGroup[]>([]);
/** The tags that record now. */
export const runningTags = signal<string[]>([]);
/** Why what is shown may be old: the service did not answer the last time it was asked, or with no list. */
export const lost = signal<ApiError | null>(null);

const byId = computed(() => new Map((cameras.value ?? []).map((camera) => [camera.id, camera])));
export const camera = (id: number): Camera | null => byId.value.get(id) ?? null;
export const cameraName = (id: number): string => camera(id)?.name ?? `#${id}`;

/** What a camera is called of which something is told: as everywhere, by what is told of it where it is in no list. */
export const toldName = ({ source_id: id, description }: { source_id: number; description: string | null }): string =>
  camera(id)?.name ?? nameOf({ id, description });

/** Which model a source is: its object does not say, its addresses nearly always do. */
function modelOf(source: api.Source): api.Model {
  if (source.uri_rtsp === null) return 'PictureSource';
  const hasPicture = source.uri_http_picture.uri !== null;
  return hasPicture && source.ffmpeg_cmd.includes('-c:v libx264') ? 'PictureSource' : 'Source';
}

function cameraOf(source: api.Source, records: api.OpenRecord[], known: CameraGroup[]): Camera {
  const own = records.filter((record) => record.source_id === source.id);
  const tags = own.map((record) => ({ name: record.tag, sinceMs: Date.parse(record.begin_utc) }));
  return {
    id: source.id,
    name: nameOf(source),
    model: modelOf(source),
    status: source.status,
    address: source.uri_rtsp ?? source.uri_http_picture.uri ?? '',
    tags,
    isWanted: tags.length > 0,
    isRecording: own.some((record) => record.status === 'recording'),
    isUnattended: own.some((record) => !record.has_recorder),
    groupIds: known.filter((group) => group.sourceIds.includes(source.id)).map((group) => group.id),
    source,
  };
}

let groupsMs = Number.NEGATIVE_INFINITY;
let shownText = '';

/** A group with its cameras; null where it was deleted since it was listed. */
async function wholeGroup(id: string) {
  try {
    return await api.group(id);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

async function askGroups(): Promise<CameraGroup[]> {
  if (performance.now() - groupsMs < GROUPS_EVERY_MS) return groups.peek();
  const list = await api.groups();
  const whole = await Promise.all(list.map((group) => wholeGroup(group.id)));
  groupsMs = performance.now();
  return whole
    .flatMap((group) => group ?? [])
    .map(({ id, name, sources }) => ({ id, name, sourceIds: sources.map((source) => source.id) }));
}

async function ask(): Promise<void> {
  const [sources, records, known] = await Promise.all([api.sources(), api.openRecords(), askGroups()]);
  const text = JSON.stringify([sources, known, records]);
  if (text === shownText) return; // nothing is drawn anew where nothing has changed
  shownText = text;
  batch(() => {
    groups.value = known;
    runningTags.value = [...new Set(records.map(({ tag }) => tag))];
    cameras.value = toldApart(sources.map((source) => cameraOf(source, records, known)));
  });
}

let running: Promise<void> | null = null;

async function guarded(): Promise<void> {
  try {
    await ask();
    lost.value = null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    lost.value = error;
  } finally {
    running = null;
  }
}

/** Ask now, groups too: something was changed. An asking that is under way is waited for, and then asked anew. */
export async function refresh(): Promise<void> {
  await running;
  groupsMs = Number.NEGATIVE_INFINITY;
  running ??= guarded();
  await running;
}

/** Ask every few seconds while the page is visible. Called once. */
export function watchCameras(): void {
  const again = async () => {
    try {
      if (!document.hidden) {
        running ??= guarded();
        await running;
      }
    } finally {
      setTimeout(again, CAMERAS_EVERY_MS); // whatever went wrong: the wall must not stand still unnoticed
    }
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) running ??= guarded();
  });
  void again();
}
