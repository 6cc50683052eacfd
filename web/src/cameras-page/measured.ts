/** What was measured of each camera: asked for a few at a time, and again when its status changes. */
import { signal } from '@preact/signals';
import { ApiError } from '../api/call';
import { type Measured, measured } from '../api/cameras';
import type { Camera } from '../cameras';

const AT_ONCE = 4;
const SOON_MS = 4000;

export const measures = signal<ReadonlyMap<number, Measured>>(new Map());
const askedFor = new Map<number, string>();
const waiting: number[] = [];
let running = 0;

async function work(): Promise<void> {
  running += 1;
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    try {
      const found = await measured(id);
      measures.value = new Map(measures.peek()).set(id, found);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      askedFor.delete(id); // it is asked for again with the next look at the list
    }
  }
  running -= 1;
}

function ask(id: number): void {
  if (!waiting.includes(id)) waiting.push(id);
  if (running < AT_ONCE) void work();
}

/** See that what is shown of these cameras is what was measured last. */
export function wantMeasured(cameras: Camera[]): void {
  for (const { id, status, isRecording } of cameras) {
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
