/** Small things that many pages show. */
import type { ComponentChildren } from 'preact';
import { ApiError } from '../api/call';
import type { Camera } from '../cameras';
import { Refused } from './refused';
import { say } from './words';

interface ErrorProps {
  error: unknown;
  /** The fields that say themselves what is wrong with them. */
  placed?: readonly string[];
}

/** What an error says; nothing where there is none. */
export function ErrorText({ error, placed = [] }: ErrorProps) {
  const entries = error instanceof ApiError ? error.elsewhere(placed) : [];
  if (!error || (error instanceof ApiError && !entries.length)) return null;
  return (
    <p class="error-text" role="alert">
      {error instanceof ApiError ? <Refused entries={entries} /> : String((error as Error).message)}
    </p>
  );
}

export function Spinner({ label = say('loading') }: { label?: string }) {
  return <div class="spinner" role="progressbar" aria-label={label} />;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export type LampState = 'recording' | 'waiting' | Camera['status'];

/** What a camera does now, as one word: recording, waited for, or its measured availability. */
export function lampOf(camera: Camera): LampState {
  if (camera.isRecording) return 'recording';
  return camera.isWanted ? 'waiting' : camera.status;
}

const LAMPS: Partial<Record<LampState, string>> = { unauthorised: 'offline', no_video: 'offline' };

/** The lamp of a camera; its word stands beside it, for eyes or for ears alone. */
export function Lamp({ camera, isWordShown = false }: { camera: Camera; isWordShown?: boolean }) {
  const state = lampOf(camera);
  const word = state === 'waiting' && camera.isUnattended ? 'unattended' : state;
  return (
    <>
      <span class="lamp" data-lamp={LAMPS[state] ?? state} data-state={state} />
      <span class={isWordShown ? 'small muted' : 'unseen'}>{say(word)}</span>
    </>
  );
}
