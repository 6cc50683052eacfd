/** Which groups stand for chosen cameras: the service starts groups. */
import type { CameraGroup } from '../cameras';

export interface Cover {
  groups: CameraGroup[];
  /** The cameras that no group is made of. */
  rest: number[];
}

/** Groups of which all cameras are among these, as few as go, and the cameras that are left over. */
export function coverOf(ids: number[], groups: CameraGroup[]): Cover {
  const within = groups
    .filter((group) => group.sourceIds.length > 0 && group.sourceIds.every((id) => ids.includes(id)))
    .sort((one, other) => other.sourceIds.length - one.sourceIds.length);
  const covered = new Set<number>();
  const used = within.filter((group) => {
    const isNew = group.sourceIds.some((id) => !covered.has(id));
    for (const id of group.sourceIds) covered.add(id);
    return isNew;
  });
  return { groups: used, rest: ids.filter((id) => !covered.has(id)) };
}
