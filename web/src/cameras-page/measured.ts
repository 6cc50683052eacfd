/** What was measured of each camera: asked for a few at a time, and again when its status changes. */
import { signal } from '@preact/signals';
import { ApiError } from '../api/call';
import { type Measured, measured } from '../api/cameras';
import type { Camera } from '../cameras';
import { Slots } from '../parts/slots';

const AT_ONCE = 4;
const SOON_MS = 4000;
const AGAIN_MS = 10_000;

export const measures = signal<ReadonlyMap<number, Measured>>(new Map());
/** The status of each camera as of which it was asked for last. */
const askedFor = new Map<number, string>();
const slots = new Slots(AT_ONCE);
const waiting = new Set<number>();
const timers = new Map<number, ReturnType<typeof setTimeout>>();

async function askOnce(id: number): Promise<void> {
  waiting.delete(id);
  try {
    const found = await measured(id);
    measures.value = new Map(measures.peek()).set(id, found);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The list of cameras may stay as it is for days, and its page looks no more.
    if (error.isPassing) askIn(id, AGAIN_MS);
    else askedFor.delete(id); // it is asked for again with the next look at the list, if it is still there
  }
}

function askIn(id: number, afterMs: number): void {
  clearTimeout(timers.get(id));
  timers.set(
    id,
    setTimeout(() => ask(id), afterMs),
  );
}

function ask(id: number): void {
  clearTimeout(timers.get(id)); // it would begin a second chain of questions
  if (waiting.has(id)) return;
  waiting.add(id);
  void slots.run(() => askOnce(id));
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
  askIn(id, SOON_MS);
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
