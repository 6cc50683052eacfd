/** What was measured of each camera: asked for a few at a time, and again when its status changes. */
import { signal } from '@preact/signals';
import { ApiError } from '../api/call';
import { type Measured, measured } from '../api/cameras';
import type { Camera } from '../cameras';

const AT_ONCE = 4;
const SOON_MS = 4000;
const AGAIN_MS = 10_000;

export const measures = signal<ReadonlyMap<number, Measured>>(new Map());
const askedFor = new Map<number, string>();
/** The cameras that were looked at last, by id. */
const wanted = new Map<number, Camera>();
const waiting: number[] = [];
let running = 0;
let isAskedLater = false;

async function work(): Promise<void> {
  running += 1;
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    try {
      const found = await measured(id);
      measures.value = new Map(measures.peek()).set(id, found);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      askedFor.delete(id);
      const isPassing = [0, 401, 429].includes(error.status) || error.status >= 500;
      if (isPassing) askLater();
      else wanted.delete(id); // it is asked for again with the next look at the list, if it is still there
    }
  }
  running -= 1;
}

/** Ask again for what was not told: the list of cameras may stay as it is for days, and its page looks no more. */
function askLater(): void {
  if (isAskedLater) return;
  isAskedLater = true;
  setTimeout(() => {
    isAskedLater = false;
    wantMeasured([...wanted.values()]);
  }, AGAIN_MS);
}

function ask(id: number): void {
  if (!waiting.includes(id)) waiting.push(id);
  if (running < AT_ONCE) void work();
}

/** See that what is shown of these cameras is what was measured last. */
export function wantMeasured(cameras: Camera[]): void {
  for (const camera of cameras) {
    const { id, status, isRecording } = camera;
    wanted.set(id, camera);
    const state = `${status} ${isRecording}`;
    if (askedFor.get(id) === state) continue;
    askedFor.set(id, state);
    ask(id);
  }
}

/** Ask again soon: the camera is being measured. */
export function measuredSoon(id: number): void {
  setTimeout(() => ask(id), SOON_MS);
}

const CODECS: Record<string, string> = {
  avc1: 'H.264',
  avc3: 'H.264',
  hvc1: 'H.265',
  hev1: 'H.265',
  jpeg: 'JPEG',
  av01: 'AV1',
  mp4v: 'MPEG-4',
};
/** The name that people know of a codec (RFC 6381). */
export const codecName = (codec: string): string => CODECS[codec.split('.')[0] ?? ''] ?? codec;
