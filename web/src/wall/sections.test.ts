import { expect, test } from 'vitest';
import type { Camera, CameraGroup } from '../cameras';
import { preferencesOf } from './preferences';
import { moved, NO_GROUP, sectionsOf, type Wish } from './sections';

const source = { id: 0, created_utc: '', status: 'online', uri_rtsp: null, description: null, ffmpeg_cmd: '' } as const;
const uri = { uri: null, auth: null, user: null, password: null };

function camera(id: number, name: string, more: Partial<Camera> = {}): Camera {
  return {
    id,
    name,
    model: 'Source',
    status: 'online',
    address: '',
    tags: [],
    isWanted: false,
    isRecording: false,
    isUnattended: false,
    groupIds: [],
    source: { ...source, uri_http_picture: uri },
    ...more,
  };
}

const groups: CameraGroup[] = [
  { id: 'y', name: 'Yard', sourceIds: [1, 2] },
  { id: 'd', name: 'Doors', sourceIds: [2] },
  { id: 'e', name: 'Empty', sourceIds: [] },
];
const cameras = [
  camera(1, 'gate 10', { groupIds: ['y'], isWanted: true, isRecording: true, tags: [{ name: 'night', sinceMs: 0 }] }),
  camera(2, 'gate 9', { groupIds: ['y', 'd'], status: 'offline', isWanted: true }),
  camera(3, 'Roof'),
];
const wish: Wish = { words: '', shown: 'all', order: 'name', own: [], hidden: [] };
const shown = (change: Partial<Wish>) =>
  Object.fromEntries(
    sectionsOf(cameras, groups, { ...wish, ...change }).map(({ key, cameras: own }) => [key, own.map(({ id }) => id)]),
  );

test('a camera in two groups is in both, and those in none have a section of their own; empty ones are left out', () => {
  expect(Object.entries(shown({}))).toEqual([
    ['d', [2]],
    ['y', [2, 1]],
    [NO_GROUP, [3]],
  ]);
});

test('a group of one camera that is called as it is no section', () => {
  const roof = { ...cameras[2], groupIds: ['r'] } as Camera;
  const own = { id: 'r', name: 'Roof', sourceIds: [3] };
  expect(sectionsOf([roof], [own], wish).map(({ key }) => key)).toEqual([NO_GROUP]);
  expect(sectionsOf([roof], [{ ...own, name: 'Top' }], wish).map(({ key }) => key)).toEqual(['r']);
});

test('the wall is narrowed by words, by what cameras do, and by hidden groups', () => {
  expect(shown({ words: 'GATE 1' })).toEqual({ y: [1] });
  expect(shown({ words: 'night' })).toEqual({ y: [1] });
  expect(shown({ words: '#3' })).toEqual({ none: [3] });
  expect(shown({ shown: 'recording' })).toEqual({ y: [1] });
  expect(shown({ shown: 'waiting' })).toEqual({ d: [2], y: [2] });
  expect(shown({ shown: 'idle' })).toEqual({ none: [3] });
  expect(shown({ shown: 'trouble', hidden: ['d'] })).toEqual({ y: [2] });
});

test('cameras stand by name, with those in trouble first, or as their user has put them', () => {
  const all = cameras.map((one) => ({ ...one, groupIds: [] }));
  const ids = (change: Partial<Wish>) => sectionsOf(all, [], { ...wish, ...change })[0]?.cameras.map(({ id }) => id);
  expect(ids({})).toEqual([2, 1, 3]);
  expect(ids({ order: 'trouble' })).toEqual([2, 1, 3]);
  expect(ids({ order: 'own', own: [3, 1] })).toEqual([3, 1, 2]);
});

test('moving a camera keeps the places of those that are not shown', () => {
  expect(moved([1, 2, 3], [], 3, -1)).toEqual([1, 3, 2]);
  expect(moved([1, 3, 2], [1, 3, 2, 9], 1, 1)).toEqual([3, 1, 2, 9]);
  expect(moved([1, 2], [], 1, -5)).toEqual([]);
  expect(moved([1, 2], [2, 1], 7, 1)).toEqual([2, 1]);
});

test('what a browser has kept is read, and nonsense is as if nothing were kept', () => {
  const usual = preferencesOf(null);
  expect(preferencesOf('{"widthPx": 400, "own": [2, "x"], "hidden": ["a", 1]}')).toEqual({
    ...usual,
    widthPx: 400,
    own: [2],
    hidden: ['a'],
  });
  for (const text of ['nonsense', '7', 'null', '[]', '{"order": "?", "widthPx": "wide"}']) {
    expect(preferencesOf(text)).toEqual(usual);
  }
});
