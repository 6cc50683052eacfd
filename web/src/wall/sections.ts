/** What the wall shows and in which order: the cameras of each group, and of those in none. */
import { namesOf } from '../cameranames';
import type { Camera, CameraGroup } from '../cameras';

export const SHOWN = ['all', 'recording', 'waiting', 'idle', 'trouble'] as const;
/** Which cameras are shown: `idle` do not record and are not asked to, `trouble` cannot be seen. */
export type Shown = (typeof SHOWN)[number];
export const ORDERS = ['name', 'trouble', 'own'] as const;
export type Order = (typeof ORDERS)[number];
/** The key of the section of cameras in no group. */
export const NO_GROUP = 'none';

export interface Section {
  key: string;
  /** Null for the cameras in no group. */
  name: string | null;
  cameras: Camera[];
}

export interface Wish {
  words: string;
  shown: Shown;
  order: Order;
  /** Ids of cameras in the order that this browser's user has put them in; others come behind. */
  own: number[];
  hidden: string[];
}

const troubles = new Set(['offline', 'unauthorised', 'no_video']);
export const isTroubled = (camera: Camera): boolean =>
  troubles.has(camera.status) || (camera.isWanted && !camera.isRecording);

const TESTS: Record<Shown, (camera: Camera) => boolean> = {
  all: () => true,
  recording: (camera) => camera.isRecording,
  waiting: (camera) => camera.isWanted && !camera.isRecording,
  idle: (camera) => !camera.isWanted,
  trouble: isTroubled,
};

/** Whether name, number or a tag of the camera hold all words, in capitals or not. */
export function isFound(camera: Camera, words: string): boolean {
  const text = `${camera.name} #${camera.id} ${camera.tags.map((tag) => tag.name).join(' ')}`.toLocaleLowerCase();
  return words
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

function compare({ order, own }: Wish): (one: Camera, other: Camera) => number {
  const named = (one: Camera, other: Camera) => byName.compare(one.name, other.name) || one.id - other.id;
  if (order === 'name') return named;
  if (order === 'trouble') {
    return (one, other) => Number(isTroubled(other)) - Number(isTroubled(one)) || named(one, other);
  }
  const places = new Map(own.map((id, place) => [id, place]));
  const placeOf = (camera: Camera) => places.get(camera.id) ?? own.length + camera.id;
  return (one, other) => placeOf(one) - placeOf(other);
}

/** A group of one camera that has its name says nothing of it: the service starts groups, also for one camera alone. */
export function isOfOne({ name, sourceIds }: CameraGroup, cameras: Camera[]): boolean {
  return (
    sourceIds.length === 1 &&
    cameras.some((camera) => camera.id === sourceIds[0] && [camera.name, ...namesOf(camera)].includes(name))
  );
}

/** The sections that have a camera to show; a camera in two groups is in both. */
export function sectionsOf(cameras: Camera[], groups: CameraGroup[], wish: Wish): Section[] {
  const wanted = cameras
    .filter((camera) => TESTS[wish.shown](camera) && isFound(camera, wish.words))
    .sort(compare(wish));
  const known = groups.filter((group) => !isOfOne(group, cameras));
  const ids = known.map((group) => group.id);
  const sections: Section[] = known
    .sort((one, other) => byName.compare(one.name, other.name))
    .map(({ id, name }) => ({ key: id, name, cameras: wanted.filter((camera) => camera.groupIds.includes(id)) }));
  sections.push({
    key: NO_GROUP,
    name: null,
    cameras: wanted.filter((camera) => !camera.groupIds.some((id) => ids.includes(id))),
  });
  return sections.filter(({ key, cameras: own }) => own.length > 0 && !wish.hidden.includes(key));
}

/** The own order after a camera was moved by so many places among the cameras shown. */
export function moved(shownIds: number[], own: number[], id: number, places: number): number[] {
  const all = [...new Set([...own.filter((one) => shownIds.includes(one)), ...shownIds])];
  const from = all.indexOf(id);
  const to = Math.min(all.length - 1, Math.max(0, from + places));
  if (from < 0 || from === to) return own;
  all.splice(to, 0, ...all.splice(from, 1));
  return [...all, ...own.filter((one) => !all.includes(one))];
}
