/** Starting and stopping cameras from their own page. */
import type { Model } from '../api/sources';
import * as api from '../api/sources';
import { type Camera, groups, refresh } from '../cameras';
import { makeGroup } from '../newgroup';

/** The other cameras that stop with this one: a tag is stopped as a whole. */
export const stoppedWith = (one: Camera, all: Camera[]): Camera[] =>
  all.filter(
    (other) => other.id !== one.id && other.tags.some(({ name }) => one.tags.some((tag) => tag.name === name)),
  );

/** Stop all that records a camera. */
export async function stop(camera: Camera): Promise<void> {
  for (const { name } of camera.tags) await api.stopRecording(name);
  await refresh();
}

/** A group of exactly these cameras; one is made where there is none. Groups of others are left alone. */
async function groupOf(model: Model, ids: number[], wishedName: string): Promise<string> {
  const key = ids.toSorted((one, other) => one - other).join();
  const same = groups.peek().find(({ sourceIds }) => sourceIds.toSorted((one, other) => one - other).join() === key);
  return same ? same.id : makeGroup(model, ids, wishedName);
}

/** Record cameras of one model under a tag. */
export async function start(tagName: string, model: Model, ids: number[]): Promise<void> {
  await refresh();
  await api.startRecording(model, tagName, await groupOf(model, ids, tagName));
  await refresh();
}
