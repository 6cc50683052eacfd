/** "Go to": a moment by day and time in the chosen zone. */

import { useSignal } from '@preact/signals';
import { durationText, nowMs, zoneName } from '../instants';
import { HOUR_MS } from '../lengths';
import { clockMs } from '../moment';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Field } from '../parts/field';
import { say as sayPart } from '../parts/words';
import { fieldText, meantBy, readField } from '../wallclock';
import { language } from '../words';
import { zoneOf } from '../zones';
import { Labels } from './labels';
import { FIRST_MS } from './scale';
import { say } from './words';

const AGO_H = [1, 6, 24, 168];

interface PickerProps {
  onGo: (ms: number) => void;
  onClose: () => void;
}

/** Which of the two times is meant that a clock shows when it is put back. */
function Which({
  instants,
  chosen,
  onChoose,
}: {
  instants: readonly number[];
  chosen: number;
  onChoose: (at: number) => void;
}) {
  const labels = new Labels(language.value, zoneName());
  return (
    <fieldset class="stack">
      <legend class="small">{say('twice')}</legend>
      {instants.map((ms, number) => (
        <label key={ms} class="check">
          <input type="radio" name="which" checked={chosen === number} onChange={() => onChoose(number)} />
          {say(number ? 'second' : 'first', { offset: labels.offset(ms) })}
        </label>
      ))}
    </fieldset>
  );
}

/** What is typed, which moment that means, and what is wrong with it. */
function useMoment(go: (ms: number) => void) {
  const zone = zoneOf(zoneName());
  const text = useSignal(fieldText(clockMs.peek() ?? nowMs(), zone.name));
  const which = useSignal(0);
  const error = useSignal('');
  const wall = readField(text.value);
  const meant = wall && meantBy(zone, wall);
  const submit = (event: Event) => {
    event.preventDefault();
    const ms = meant?.instants[Math.min(which.value, meant.instants.length - 1)];
    if (ms === undefined || ms < FIRST_MS) error.value = say('noMoment');
    else if (ms > nowMs()) error.value = say('inFuture');
    else go(ms);
  };
  return { zone, text, which, error, meant, submit };
}

function Ago({ go }: { go: (ms: number) => void }) {
  return (
    <div class="row">
      {AGO_H.map((hours) => (
        <Button key={hours} kind="quiet" onClick={() => go(nowMs() - hours * HOUR_MS)}>
          {say('ago', { length: durationText(hours * HOUR_MS) })}
        </Button>
      ))}
    </div>
  );
}

function DayAndTime({ zone, text, error, meant }: Omit<ReturnType<typeof useMoment>, 'which' | 'submit'>) {
  return (
    <Field
      label={say('dayAndTime', { zone: zone.name })}
      hint={meant?.isLeftOut ? say('leftOut') : say('goToHint')}
      error={error.value}
    >
      <input
        type="datetime-local"
        step="1"
        value={text.value}
        onInput={(event: Event) => {
          text.value = (event.currentTarget as HTMLInputElement).value;
          error.value = '';
        }}
      />
    </Field>
  );
}

export function MomentPicker({ onGo, onClose }: PickerProps) {
  const go = (ms: number) => {
    onClose();
    onGo(ms);
  };
  const { which, submit, ...asked } = useMoment(go);
  const instants = asked.meant?.instants ?? [];
  const choose = (at: number) => {
    which.value = at;
  };
  return (
    <Dialog title={say('goToTitle')} onClose={onClose}>
      <form class="stack" onSubmit={submit} noValidate>
        <DayAndTime {...asked} />
        {instants.length > 1 && <Which instants={instants} chosen={which.value} onChoose={choose} />}
        <Ago go={go} />
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
