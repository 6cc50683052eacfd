/**
 * The state of the timeline page that player, timeline and clips share. The player alone writes `clockMs`, `isPlaying`
 * and `isLive`, the timeline alone `isScrubbing`. `view` is the timeline's (steering.ts), but an address that is taken
 * writes it too; `marks` are written by who sets them: clips, keys, handles, an address.
 */

import { computed, effect, signal } from '@preact/signals';
import { cameras } from './cameras';
import { isoOf, nowMs, parseMoment } from './instants';
import { HOUR_MS } from './lengths';
import { changeQuery, pathOf, route } from './route';
import { idsOf, MOST_CAMERAS, type View, viewOf } from './timelineaddress';

export type { View };
export { MOST_CAMERAS };

export interface Marks {
  inMs: number | null;
  outMs: number | null;
}

/** What the player does when asked; each returns at once, what comes of it is seen in the signals. */
export interface PlayerCommands {
  /** Show a moment; in a gap the player says so and offers what lies before and after it. Keeps playing or paused. */
  goTo(ms: number): void;
  goLive(): void;
  play(): void;
  pause(): void;
  toggle(): void;
  /** Pause, and go some frames on (or back: negative). */
  step(frames: number): void;
  setRate(rate: number): void;
}

/** The player as others on the page know it. */
export interface SteadyPlayer extends PlayerCommands {
  /**
   * Show a moment while a hand moves over many: what comes faster than the pictures do is left out, the last one is
   * shown. `goTo` and `goLive` end it.
   */
  scrub(ms: number): void;
}

export const RATES = [0.25, 0.5, 1, 2, 4, 8, 16, 32] as const;

const wanted = new URLSearchParams(location.search);
/** Whether the page was opened at a moment: its pictures are what is looked at first. */
export const isMomentNamed = wanted.has('at');

/** The cameras named in the address; empty: all of them, up to a number that fits. Others are never shown instead. */
export const asked = signal<number[]>(idsOf(wanted));
const known = computed(() => (cameras.value ?? []).map((camera) => camera.id));
const isThere = (id: number): boolean => known.value.includes(id);
/**
 * The ids of the cameras shown, in order. None before the service has said which there are: of a link with cameras that
 * one may not see each question would be refused.
 */
export const chosen = computed<number[]>(() => {
  const wantedIds = asked.value.length ? asked.value.filter(isThere) : known.value;
  return wantedIds.slice(0, MOST_CAMERAS);
});
/** Those that have a lane: of a link already before, since their coverage is asked for beside the list (ahead.ts). */
export const laneIds = computed(() => (cameras.value === null ? asked.value.slice(0, MOST_CAMERAS) : chosen.value));
/** The cameras of the address that are not there, or that the caller may not see: which of both is not told. */
export const missing = computed<number[]>(() =>
  cameras.value === null ? [] : asked.value.filter((id) => !isThere(id)),
);
/** The wall time of the frame being shown; null while nothing is. */
export const clockMs = signal<number | null>(null);
export const isPlaying = signal(false);
export const isLive = signal(false);
export const rate = signal<number>(1);
/** What the timeline shows, half-open. */
export const view = signal<View>(viewOf(wanted, nowMs()));
export const marks = signal<Marks>({ inMs: parseMoment(wanted.get('in')), outMs: parseMoment(wanted.get('out')) });
/**
 * Whether the lanes were drawn for the first time, or took long: what is seen second asks for nothing before, so that
 * it takes no connection and no time from them.
 */
export const areLanesDrawn = signal(false);
/** Whether a hand moves the moment shown, or a mark: what the pictures show now is for looking, not for staying. */
export const isScrubbing = signal(false);

let commands: SteadyPlayer | null = null;
let waiting: ((player: SteadyPlayer) => void)[] = [];

/** The player's own: commands given before it was there are carried out now. Returns what takes it away again. */
export function registerPlayer(player: SteadyPlayer): () => void {
  commands = player;
  for (const command of waiting) command(player);
  waiting = [];
  return () => {
    if (commands === player) commands = null;
  };
}

function tell(command: (player: SteadyPlayer) => void): void {
  if (commands) command(commands);
  else waiting.push(command);
}

export const player: SteadyPlayer = {
  goTo: (ms) => tell((one) => one.goTo(ms)),
  goLive: () => tell((one) => one.goLive()),
  play: () => tell((one) => one.play()),
  pause: () => tell((one) => one.pause()),
  toggle: () => tell((one) => one.toggle()),
  step: (frames) => tell((one) => one.step(frames)),
  setRate: (value) => tell((one) => one.setRate(value)),
  scrub: (ms) => tell((one) => one.scrub(ms)),
};

/** The address of a moment of some cameras, as it is sent to somebody. */
export function momentPath(ms: number | null, ids: number[] = laneIds.peek(), spanMs = HOUR_MS): string {
  return pathOf('timeline', {
    cameras: ids.join(','),
    at: ms === null ? null : isoOf(ms),
    span: String(Math.round(spanMs / 1000)),
  });
}

/** Show other cameras; the address says which. */
export function chooseCameras(ids: number[]): void {
  asked.value = ids;
  changeQuery({ cameras: ids.join(',') });
}

const ADDRESS_EVERY_MS = 3000; // Chromium asks for the icon anew at each change
let addressTimer = 0;

function writeAddress(): void {
  clearTimeout(addressTimer);
  addressTimer = 0;
  if (route.peek().page !== 'timeline') return;
  const { startMs, endMs } = view.peek();
  const { inMs, outMs } = marks.peek();
  const at = clockMs.peek();
  changeQuery({
    cameras: asked.peek().join(','),
    at: at === null || isLive.peek() ? null : isoOf(at),
    span: String(Math.round((endMs - startMs) / 1000)),
    in: inMs === null ? null : isoOf(inMs),
    out: outMs === null ? null : isoOf(outMs),
  });
}

/** Keep the address at the moment shown, so that it can be copied at any time. Returns what ends it. */
export function keepAddress(): () => void {
  return effect(() => {
    void [view.value, marks.value, clockMs.value, isLive.value];
    if (addressTimer === 0) addressTimer = window.setTimeout(writeAddress, ADDRESS_EVERY_MS);
  });
}

/** Go to a moment as to another page: "back" in the browser leads to what is shown now. */
export function visit(ms: number, spanMs: number): void {
  writeAddress();
  changeQuery({ at: isoOf(ms), span: String(Math.round(spanMs / 1000)) }, { replace: false });
}

/** Take the state from the address: the page was opened again, by a link or by going back. */
export function takeAddress(query: URLSearchParams): void {
  const atMs = parseMoment(query.get('at'));
  asked.value = idsOf(query);
  marks.value = { inMs: parseMoment(query.get('in')), outMs: parseMoment(query.get('out')) };
  view.value = viewOf(query, nowMs());
  if (atMs === null) player.goLive();
  else player.goTo(atMs);
}
