/** Small things that many pages show. */
import type { ComponentChildren } from 'preact';
import type { Camera } from '../cameras';
import { errorText } from './errortext';
import { say } from './words';

/** What an error says; nothing where there is none. */
export function ErrorText({ error }: { error: unknown }) {
  if (!error) return null;
  return (
    <p class="error-text" role="alert">
      {errorText(error)}
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
  return (
    <>
      <span class="lamp" data-lamp={LAMPS[state] ?? state} data-state={state} />
      <span class={isWordShown ? 'small muted' : 'unseen'}>{say(state)}</span>
    </>
  );
}
