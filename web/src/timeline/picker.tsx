/** "Go to": a moment, typed as people write it or chosen by the mouse, in the chosen zone. */

import { useSignal } from '@preact/signals';
import { clockText, dayText, durationText, formatter, nowMs, zoneName } from '../instants';
import { FIRST_MS, HOUR_MS } from '../lengths';
import { clockMs } from '../moment';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Field } from '../parts/field';
import { WhichTime } from '../parts/whichtime';
import { say as sayPart } from '../parts/words';
import { type Read, readTyped } from '../typedtime';
import { say as sayTyped } from '../typedwords';
import { language } from '../words';
import { type Wall, type Zone, zoneOf } from '../zones';
import { Calendar } from './calendar';
import { say } from './words';
import './picker.css';

const AGO_H = [1, 6, 24, 168];

interface PickerProps {
  /** `isDay`: no time was given, the whole day is to be seen. */
  onGo: (ms: number, isDay: boolean) => void;
  onClose: () => void;
}

const numbers = (count: number) => Array.from({ length: count }, (_, number) => number);

interface ClockProps {
  wall: Wall;
  onChoose: (change: Partial<Wall>) => void;
}

/** Hour and minute for whoever rather points than types. */
function ClockFields({ wall, onChoose }: ClockProps) {
  const pick = (name: 'hour' | 'minute', count: number) => (
    <Field label={say(name)}>
      <select
        class="numbers"
        value={String(wall[name])}
        onChange={(event: Event) =>
          onChoose({ [name]: Number((event.currentTarget as HTMLSelectElement).value), second: 0 })
        }
      >
        {numbers(count).map((one) => (
          <option key={one} value={String(one)}>
            {String(one).padStart(2, '0')}
          </option>
        ))}
      </select>
    </Field>
  );
  return (
    <div class="row picker-clock">
      {pick('hour', 24)}
      {pick('minute', 60)}
    </div>
  );
}

/** What is typed, and what it means. */
function useTyped(zone: Zone) {
  const write = (ms: number) => `${dayText(ms)}, ${clockText(ms)}`;
  const text = useSignal(write(clockMs.peek() ?? nowMs()));
  const which = useSignal(0);
  const meant = readTyped(text.value, { language: language.value, zone, nowMs: nowMs() });
  const ms = meant?.instants[Math.min(which.value, meant.instants.length - 1)] ?? null;
  const wall = zone.wall(ms ?? clockMs.peek() ?? nowMs());
  const change = (parts: Partial<Wall>) => {
    text.value = write(zone.instant({ ...wall, ...parts }));
  };
  return { text, which, meant, ms, wall, change };
}

/** What was understood, or how it can be written. */
function hintOf(meant: Read | null, ms: number | null): string {
  if (meant?.isLeftOut) return sayTyped('leftOut');
  if (!meant || ms === null) return say('goToHint');
  const day = formatter({ dateStyle: 'full' }).format(ms);
  return say('meant', { when: meant.isDay ? day : `${day}, ${clockText(ms)}` });
}

interface TextFieldProps {
  label: string;
  hint: string;
  error: string;
  value: string;
  onType: (text: string) => void;
}

function TextField({ value, onType, ...about }: TextFieldProps) {
  return (
    <Field {...about}>
      <input
        class="numbers"
        autoComplete="off"
        spellcheck={false}
        value={value}
        onFocus={(event: Event) => (event.currentTarget as HTMLInputElement).select()}
        onInput={(event: Event) => onType((event.currentTarget as HTMLInputElement).value)}
      />
    </Field>
  );
}

/** Moments that are gone to without typing. */
function Ago({ onGo }: { onGo: (ms: number) => void }) {
  return (
    <div class="picker-ago">
      {AGO_H.map((hours) => (
        <Button key={hours} kind="quiet" onClick={() => onGo(nowMs() - hours * HOUR_MS)}>
          {say('ago', { length: durationText(hours * HOUR_MS) })}
        </Button>
      ))}
    </div>
  );
}

/** What is asked for, what is wrong with it, and going there. */
function useAsked(go: (ms: number, isDay?: boolean) => void) {
  const zone = zoneOf(zoneName());
  const typed = useTyped(zone);
  const error = useSignal('');
  const { ms, meant, change } = typed;
  const submit = (event: Event) => {
    event.preventDefault();
    if (ms === null || ms < FIRST_MS) error.value = say('noMoment');
    else if (ms > nowMs()) error.value = say('inFuture');
    else go(ms, meant?.isDay);
  };
  const choose = (parts: Partial<Wall>) => {
    error.value = '';
    change(parts);
  };
  return { ...typed, zone, error, submit, choose };
}

export function MomentPicker({ onGo, onClose }: PickerProps) {
  const go = (toMs: number, isDay = false) => {
    onClose();
    onGo(toMs, isDay);
  };
  const { zone, text, which, meant, ms, wall, error, submit, choose } = useAsked(go);
  const type = (typed: string) => {
    text.value = typed;
    error.value = '';
  };
  const label = say('dayAndTime', { zone: zone.name });
  const instants = meant?.instants ?? [];
  const chooseWhich = (at: number) => {
    which.value = instants.indexOf(at);
  };
  return (
    <Dialog title={say('goToTitle')} onClose={onClose}>
      <form class="stack picker" onSubmit={submit} noValidate>
        <TextField label={label} hint={hintOf(meant, ms)} error={error.value} value={text.value} onType={type} />
        <WhichTime name="which" instants={instants} chosenMs={ms} onChoose={chooseWhich} />
        <div class="picker-choices">
          <Calendar wall={wall} zone={zone} onChoose={choose} />
          <div class="stack">
            <ClockFields wall={wall} onChoose={choose} />
            <Ago onGo={go} />
          </div>
        </div>
        <div class="dialog-buttons">
          <Button onClick={onClose}>{sayPart('cancel')}</Button>
          <Button kind="main" type="submit">
            {say('go')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
