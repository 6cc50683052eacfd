import { batch, computed, signal, useComputed } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { nowMs, zoneName } from '../instants';
import { clockMs, marks, player } from '../moment';
import { Button, IconButton } from '../parts/button';
import { Field } from '../parts/field';
import { toast } from '../parts/toasts';
import { exactText, fieldText } from '../wallclock';
import { around, isNoLength, withIn, withOut } from './marking';
import { Twice } from './twice';
import { isOrdered, isProblem, type Problem, readMark, type Side } from './typing';
import { say } from './words';

const AROUND_MS = 30_000;

/** Do something with the moment that is shown; say where there is none. */
function atMoment(act: (ms: number) => void): void {
  const ms = clockMs.peek();
  if (ms === null) toast(say('noMoment'), 'danger');
  else act(ms);
}

/** Mark a moment. What would be a clip of no length leaves the mark that is set, and says where the other must lie. */
export function markAt(side: Side, ms: number): void {
  if (isNoLength(side, ms, marks.peek())) toast(say(side === 'in' ? 'beginAtEnd' : 'endAtBegin'), 'danger');
  else marks.value = side === 'in' ? withIn(marks.peek(), ms) : withOut(marks.peek(), ms);
}

export const markIn = () => atMoment((ms) => markAt('in', ms));
export const markOut = () => atMoment((ms) => markAt('out', ms));
const markAround = () =>
  atMoment((ms) => {
    marks.value = around(ms, AROUND_MS, nowMs());
  });
export const goIn = () => {
  if (marks.peek().inMs !== null) player.goTo(marks.peek().inMs ?? 0);
};
export const goOut = () => {
  if (marks.peek().outMs !== null) player.goTo(marks.peek().outMs ?? 0);
};

/** What stands in a field other than its mark, and what is said of it. */
interface Typed {
  /** The mark, and the zone, that it was typed over: once they are others it counts no more. */
  base: string;
  text: string;
  problem: Problem | null;
  isLeftOut: boolean;
}

const NAMES = { in: 'inMs', out: 'outMs' } as const;
const NONE: Typed = { base: '', text: '', problem: null, isLeftOut: false };
const typed = { in: signal(NONE), out: signal(NONE) };

const textOf = (ms: number | null): string => (ms === null ? '' : exactText(ms, zoneName()));
const baseOf = (ms: number | null): string => `${ms} ${zoneName()}`;

function fieldOf(side: Side): Typed {
  const ms = marks.value[NAMES[side]];
  const own = typed[side].value;
  return own.base === baseOf(ms) ? own : { ...NONE, base: baseOf(ms), text: textOf(ms) };
}

/** Whether a time was typed that is not the mark's: what lies between the marks is not what is read in the fields. */
export const isMistyped = computed(() => [fieldOf('in'), fieldOf('out')].some(({ problem }) => problem !== null));

export const clearMarks = () =>
  batch(() => {
    marks.value = { inMs: null, outMs: null };
    typed.in.value = NONE;
    typed.out.value = NONE;
  });

function set(side: Side, ms: number | null, isLeftOut = false): void {
  batch(() => {
    marks.value = { ...marks.peek(), [NAMES[side]]: ms };
    typed[side].value = { base: baseOf(ms), text: textOf(ms), problem: null, isLeftOut };
  });
}

/** Take what was typed as the mark, or say why it cannot be one. */
function take(side: Side): void {
  const own = fieldOf(side);
  const { inMs, outMs } = marks.peek();
  const ms = marks.peek()[NAMES[side]];
  if (own.text === textOf(ms)) {
    if (own.problem) typed[side].value = { ...own, problem: null };
    return;
  }
  if (!own.text.trim()) {
    set(side, null);
    return;
  }
  const day = fieldText(ms ?? inMs ?? outMs ?? clockMs.peek() ?? nowMs(), zoneName()).slice(0, 10);
  const read = readMark(side, own.text, zoneName(), day, marks.peek());
  if (isProblem(read)) typed[side].value = { ...own, problem: read };
  else set(side, read.ms, read.isLeftOut);
}

/** Take one of the two moments that a clock shows the same. */
function choose(side: Side, ms: number): void {
  if (isOrdered(side, ms, marks.peek())) set(side, ms);
  else typed[side].value = { ...fieldOf(side), problem: 'wrongOrder' };
}

/** A time to the millisecond, in the chosen zone; taken when it is left, or by Enter. */
function TimeField({ side, label }: { side: Side; label: string }) {
  const { base, text, problem, isLeftOut } = fieldOf(side);
  const otherMs = marks.value[side === 'in' ? 'outMs' : 'inMs'];
  useEffect(() => {
    if (problem === 'wrongOrder') take(side); // the other mark was moved: it may be right now
  }, [otherMs]);
  return (
    <Field label={label} error={problem ? say(problem) : ''}>
      <input
        class="numbers"
        placeholder={exactText(0, 'UTC').replace(/\d/g, '0')}
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          typed[side].value = { base, text: event.currentTarget.value, problem, isLeftOut };
        }}
        onBlur={() => take(side)}
        onKeyDown={(event) => event.key === 'Enter' && take(side)}
      />
    </Field>
  );
}

const SIDES = {
  in: { label: 'begin', mark: 'markIn', go: 'goIn', key: '[', icon: 'left', onMark: markIn, onGo: goIn },
  out: { label: 'end', mark: 'markOut', go: 'goOut', key: ']', icon: 'right', onMark: markOut, onGo: goOut },
} as const;

function MarkField({ side, isShown }: { side: Side; isShown: boolean }) {
  const { label, mark, go, key, icon, onMark, onGo } = SIDES[side];
  const ms = marks.value[NAMES[side]];
  return (
    <div class="clips-mark">
      <TimeField side={side} label={say(label)} />
      <Twice side={side} ms={ms} isLeftOut={fieldOf(side).isLeftOut} onChoose={(one) => choose(side, one)} />
      <div class="clips-mark-buttons">
        <Button aria-label={say(mark)} title={`${say(mark)} (${key})`} disabled={!isShown} onClick={onMark}>
          {key}
        </Button>
        <IconButton icon={icon} label={say(go)} disabled={ms === null} onClick={onGo} />
      </div>
    </div>
  );
}

/** Begin and end of the clip: to type, to take from the player, to go to. */
export function MarkFields() {
  const { inMs, outMs } = marks.value;
  const isShown = useComputed(() => clockMs.value !== null).value; // not with each frame
  return (
    <div class="clips-marks">
      <MarkField side="in" isShown={isShown} />
      <MarkField side="out" isShown={isShown} />
      <div class="row">
        <Button kind="quiet" disabled={!isShown} onClick={markAround}>
          {say('around')}
        </Button>
        {(inMs !== null || outMs !== null || isMistyped.value) && (
          <Button kind="quiet" icon="close" onClick={clearMarks}>
            {say('clear')}
          </Button>
        )}
      </div>
    </div>
  );
}
