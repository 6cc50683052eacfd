import { useComputed } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { nowMs, zoneName } from '../instants';
import { clockMs, marks, player } from '../moment';
import { Button, IconButton } from '../parts/button';
import { Field } from '../parts/field';
import { toast } from '../parts/toasts';
import { exactText, fieldText, instantOf } from '../wallclock';
import { around, withIn, withOut } from './marking';
import { say } from './words';

const AROUND_MS = 30_000;

/** Do something with the moment that is shown; say where there is none. */
function atMoment(act: (ms: number) => void): void {
  const ms = clockMs.peek();
  if (ms === null) toast(say('noMoment'), 'danger');
  else act(ms);
}

export const markIn = () =>
  atMoment((ms) => {
    marks.value = withIn(marks.peek(), ms);
  });
export const markOut = () =>
  atMoment((ms) => {
    marks.value = withOut(marks.peek(), ms);
  });
const markAround = () =>
  atMoment((ms) => {
    marks.value = around(ms, AROUND_MS, nowMs());
  });
export const clearMarks = () => {
  marks.value = { inMs: null, outMs: null };
};
export const goIn = () => {
  if (marks.peek().inMs !== null) player.goTo(marks.peek().inMs ?? 0);
};
export const goOut = () => {
  if (marks.peek().outMs !== null) player.goTo(marks.peek().outMs ?? 0);
};

interface TimeFieldProps {
  label: string;
  ms: number | null;
  /** The other mark: its day is meant where none is typed. */
  otherMs: number | null;
  onSet: (ms: number) => void;
}

/** A time to the millisecond, in the chosen zone; taken when it is left, or by Enter. */
function TimeField({ label, ms, otherMs, onSet }: TimeFieldProps) {
  const zone = zoneName();
  const shown = ms === null ? '' : exactText(ms, zone);
  const [text, setText] = useState(shown);
  const [isWrong, setWrong] = useState(false);
  useEffect(() => {
    setText(shown);
    setWrong(false);
  }, [shown]);
  const take = () => {
    if (text === shown) return;
    const read = instantOf(text, zone, fieldText(ms ?? otherMs ?? clockMs.peek() ?? nowMs(), zone).slice(0, 10));
    setWrong(read === null);
    if (read !== null) onSet(read);
  };
  return (
    <Field label={label} error={isWrong ? say('wrongTime') : ''}>
      <input
        class="numbers"
        placeholder={exactText(0, 'UTC').replace(/\d/g, '0')}
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={take}
        onKeyDown={(event) => event.key === 'Enter' && take()}
      />
    </Field>
  );
}

const SIDES = {
  in: { label: 'begin', mark: 'markIn', go: 'goIn', key: '[', icon: 'left', onMark: markIn, onGo: goIn },
  out: { label: 'end', mark: 'markOut', go: 'goOut', key: ']', icon: 'right', onMark: markOut, onGo: goOut },
} as const;

function MarkField({ side, isShown }: { side: keyof typeof SIDES; isShown: boolean }) {
  const { label, mark, go, key, icon, onMark, onGo } = SIDES[side];
  const { inMs, outMs } = marks.value;
  const [ms, otherMs] = side === 'in' ? [inMs, outMs] : [outMs, inMs];
  const set = (typedMs: number) => {
    marks.value = (side === 'in' ? withIn : withOut)(marks.peek(), typedMs);
  };
  return (
    <div class="clips-mark">
      <TimeField label={say(label)} ms={ms} otherMs={otherMs} onSet={set} />
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
        {(inMs !== null || outMs !== null) && (
          <Button kind="quiet" icon="close" onClick={clearMarks}>
            {say('clear')}
          </Button>
        )}
      </div>
    </div>
  );
}
