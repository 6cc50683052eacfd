/** What is taken hold of on the ruler: the moment shown, and the two marks. Each is a slider for keys. */
import { useEffect, useRef } from 'preact/hooks';
import { momentText, nowMs } from '../instants';
import { SECOND_MS } from '../lengths';
import { chosen, clockMs, isPlaying, marks, view } from '../moment';
import { drag, type Grip } from './dragging';
import { type End, markGrip, moveMark, playheadGrip } from './grips';
import { spanOf } from './scale';
import { cursor, held } from './store';
import { say } from './words';

const STEP_PART = 0.002;
const LEAP_PART = 0.02;
const PAGE_PART = 0.1;
const LEAST_STEP_MS = SECOND_MS / 10;

/** Where a key moves what is at a moment; null where it moves nothing. */
function movedBy(event: KeyboardEvent, ms: number): number | null {
  const { startMs, endMs } = view.peek();
  const stepMs = Math.max(spanOf(view.peek()) * (event.shiftKey ? LEAP_PART : STEP_PART), LEAST_STEP_MS);
  const pageMs = spanOf(view.peek()) * PAGE_PART;
  const moved: Record<string, number> = {
    ArrowLeft: ms - stepMs,
    ArrowDown: ms - stepMs,
    ArrowRight: ms + stepMs,
    ArrowUp: ms + stepMs,
    PageUp: ms - pageMs,
    PageDown: ms + pageMs,
    Home: startMs,
    End: endMs,
  };
  const to = moved[event.key];
  return to === undefined || event.ctrlKey || event.altKey || event.metaKey ? null : Math.min(to, nowMs());
}

interface HandleProps {
  name: string;
  class: string;
  x: number;
  ms: number;
  said: string;
  grip: Grip;
  /** Does what a key says; false where it says nothing. */
  onKey: (event: KeyboardEvent) => boolean;
  onKeyUp?: () => void;
  onLeave: () => void;
}

function Handle({ name, x, ms, said, grip, onKey, onKeyUp, onLeave, class: more }: HandleProps) {
  const putBack = useRef<(() => void) | null>(null);
  useEffect(() => () => putBack.current?.(), []);
  return (
    <div
      class={`timeline-handle ${more}`}
      style={{ transform: `translateX(${x}px)` }}
      role="slider"
      tabIndex={0}
      data-own-keys
      aria-label={name}
      title={say('dragHint')}
      aria-valuemin={Math.round(view.value.startMs / 1000)}
      aria-valuemax={Math.round(view.value.endMs / 1000)}
      aria-valuenow={Math.round(ms / 1000)}
      aria-valuetext={said}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.preventDefault();
        event.currentTarget.focus();
        putBack.current = drag(event.currentTarget, event, x, grip);
      }}
      onKeyDown={(event) => {
        if (!onKey(event)) return;
        event.preventDefault();
        event.stopPropagation();
      }}
      onKeyUp={onKeyUp}
      onBlur={onLeave}
    />
  );
}

/** The moment shown. A key that is held down moves it on; let go, the player stays there. */
export function Playhead({ x, ms }: { x: number; ms: number }) {
  const isMoved = useRef(false);
  const press = (event: KeyboardEvent): boolean => {
    const to = movedBy(event, held.peek()?.ms ?? clockMs.peek() ?? ms);
    if (event.key === 'Escape' && isMoved.current) {
      isMoved.current = false;
      playheadGrip.putBack();
      return true;
    }
    if (to === null) return false;
    if (!isMoved.current) playheadGrip.take();
    isMoved.current = true;
    playheadGrip.move(to, -1);
    return true;
  };
  const leave = () => {
    const at = held.peek();
    if (isMoved.current && at) playheadGrip.drop(at.ms);
    isMoved.current = false;
  };
  // While it plays, seconds that are read out as they go by would never end.
  const said = isPlaying.value ? momentText(ms - (ms % 60_000)) : momentText(ms);
  return (
    <Handle
      name={say('playhead')}
      class="timeline-playhead"
      {...{ x, ms, said }}
      grip={playheadGrip}
      onKey={press}
      onKeyUp={leave}
      onLeave={leave}
    />
  );
}

/** A mark. Escape puts it back to where it was when it was taken hold of, or came into focus. */
export function MarkHandle({ end, x, ms }: { end: End; x: number; ms: number }) {
  const before = useRef<number | null>(null);
  const leave = () => {
    if (before.current !== null) cursor.value = null;
    before.current = null;
  };
  const press = (event: KeyboardEvent): boolean => {
    if (event.key === 'Escape' && before.current !== null) {
      moveMark(end, before.current);
      leave();
      return true;
    }
    const to = movedBy(event, ms);
    if (to === null) return false;
    before.current ??= ms;
    moveMark(end, to);
    const id = cursor.peek()?.id ?? chosen.peek()[0] ?? null;
    cursor.value = { ms: marks.peek()[end] ?? to, id, isByKey: false };
    return true;
  };
  return (
    <Handle
      name={say(end === 'inMs' ? 'markIn' : 'markOut')}
      class={`timeline-mark is-${end === 'inMs' ? 'in' : 'out'}`}
      {...{ x, ms }}
      said={momentText(ms)}
      grip={markGrip(end)}
      onKey={press}
      onLeave={leave}
    />
  );
}
