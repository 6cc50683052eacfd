/** Which groups stand for chosen cameras: the service starts groups. */
import type { CameraGroup } from '../cameras';

/** Groups that are together exactly these cameras, as few as go; null where there are none such. */
export function coverOf(ids: number[], groups: CameraGroup[]): CameraGroup[] | null {
  const wanted = new Set(ids);
  const within = groups
    .filter((group) => group.sourceIds.length > 0 && group.sourceIds.every((id) => wanted.has(id)))
    .sort((one, other) => other.sourceIds.length - one.sourceIds.length);
  const covered = new Set<number>();
  const used = within.filter((group) => {
    const isNew = group.sourceIds.some((id) => !covered.has(id));
    for (const id of group.sourceIds) covered.add(id);
    return isNew;
  });
  return ids.length > 0 && covered.size === wanted.size ? used : null;
}

/** A name that no group has: the wished one, or with a number behind it. */
export function freeName(wished: string, groups: CameraGroup[]): string {
  const taken = new Set(groups.map((group) => group.name));
  let name = wished;
  for (let number = 2; taken.has(name); number += 1) name = `${wished} ${number}`;
  return name;
}
