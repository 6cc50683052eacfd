/** A group made of cameras that are to be recorded: the service starts groups. */
import * as api from './api/sources';
import { freeName } from './freename';

/** Make a group of cameras of one model, named as is wished or alike; returns its id. Raises ApiError. */
export async function makeGroup(model: api.Model, ids: readonly number[], wished: string): Promise<string> {
  const { id } = await api.addGroup(model, freeName(wished, await api.groups()));
  for (const sourceId of ids) await api.addMember(id, sourceId);
  return id;
}
