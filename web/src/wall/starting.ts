/** Starting and stopping: the service starts groups, each of one model, and stops tags. */
import { ApiError } from '../api/call';
import * as api from '../api/sources';
import type { Camera, CameraGroup } from '../cameras';
import { coverOf, freeName } from './cover';

/** Why a camera, or all of a request, could not be started; `id` null: not of one camera. */
export interface Refusal {
  id: number | null;
  text: string;
}

function refusalsOf(error: ApiError): Refusal[] {
  return error.detail.map(({ loc, msg }) => {
    const id = loc[1] === 'group_name' ? Number(loc[2]) : Number.NaN;
    return { id: Number.isInteger(id) ? id : null, text: msg };
  });
}

async function startGroup(model: api.Model, tag: string, groupId: string): Promise<Refusal[]> {
  try {
    await api.startRecording(model, tag, groupId);
    return [];
  } catch (error) {
    if (error instanceof ApiError) return refusalsOf(error);
    throw error;
  }
}

async function makeGroup(model: api.Model, ids: number[], name: string): Promise<string> {
  const made = await api.addGroup(model, name);
  for (const id of ids) await api.addMember(made.id, id);
  return made.id;
}

/**
 * Record these cameras under a tag: by the groups that are just they, else by a new group for each model, which is named
 * by the tag. Returns who could not be started; the others were. Raises ApiError where a group cannot be made.
 */
export async function startCameras(tag: string, cameras: Camera[], groups: CameraGroup[]): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  for (const model of new Set(cameras.map((camera) => camera.model))) {
    const ids = cameras.filter((camera) => camera.model === model).map((camera) => camera.id);
    const cover = coverOf(ids, groups)?.map((group) => group.id);
    for (const groupId of cover ?? [await makeGroup(model, ids, freeName(tag, groups))]) {
      refusals.push(...(await startGroup(model, tag, groupId)));
    }
  }
  return refusals;
}
