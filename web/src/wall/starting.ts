/** Starting and stopping: the service starts groups, each of one model, and stops tags. */
import { ApiError, type Detail } from '../api/call';
import * as api from '../api/sources';
import type { Camera, CameraGroup } from '../cameras';
import { makeGroup } from '../newgroup';
import { coverOf } from './cover';

/** Why a camera, or all of a request, could not be started; `id` null: not of one camera. */
export interface Refusal {
  id: number | null;
  why: Detail;
}

function refusalsOf(error: ApiError): Refusal[] {
  return error.detail.map((why) => {
    const id = why.loc[1] === 'group_name' ? Number(why.loc[2]) : Number.NaN;
    return { id: Number.isInteger(id) ? id : null, why };
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

/**
 * Record these cameras under a tag: by groups of which all are among them, and what is left over by a new group for each
 * model, named by its one camera or else by the tag. Returns who could not be started; the others were. Raises ApiError
 * where a group cannot be made.
 */
export async function startCameras(tag: string, cameras: Camera[], groups: CameraGroup[]): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  for (const model of new Set(cameras.map((camera) => camera.model))) {
    const own = cameras.filter((camera) => camera.model === model);
    const cover = coverOf(
      own.map((camera) => camera.id),
      groups,
    );
    const ids = cover.groups.map((group) => group.id);
    if (cover.rest.length) {
      const only = cover.rest.length === 1 ? own.find((camera) => camera.id === cover.rest[0]) : undefined;
      ids.push(await makeGroup(model, cover.rest, only?.name ?? tag));
    }
    for (const id of ids) refusals.push(...(await startGroup(model, tag, id)));
  }
  return refusals;
}
