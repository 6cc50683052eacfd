import { zoneName } from '../instants';
import { say } from '../typedwords';
import { language } from '../words';
import { zoneOf } from '../zones';

interface WhichTimeProps {
  name: string;
  /** The moments that the clocks show the same, in order; nothing is asked where it is one. */
  instants: readonly number[];
  chosenMs: number | null;
  onChoose: (ms: number) => void;
}

/** Which of the two times is meant that a clock shows when it is put back. */
export function WhichTime({ name, instants, chosenMs, onChoose }: WhichTimeProps) {
  if (instants.length < 2) return null;
  const zone = zoneOf(zoneName());
  return (
    <fieldset class="stack">
      <legend class="small muted">{say('twice')}</legend>
      {instants.map((ms, number) => (
        <label key={ms} class="check small">
          <input type="radio" name={name} checked={ms === chosenMs} onChange={() => onChoose(ms)} />
          {say(number ? 'second' : 'first', { offset: zone.offsetText(ms, language.value) })}
        </label>
      ))}
    </fieldset>
  );
}
