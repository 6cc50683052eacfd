/** What the setting of clocks does to a mark: a time that came twice is chosen, one that there was not is told. */
import { zoneName } from '../instants';
import { say } from '../typedwords';
import { exactText } from '../wallclock';
import { language } from '../words';
import { zoneOf } from '../zones';
import { alike, type Side } from './typing';

interface TwiceProps {
  side: Side;
  ms: number | null;
  isLeftOut: boolean;
  onChoose: (ms: number) => void;
}

export function Twice({ side, ms, isLeftOut, onChoose }: TwiceProps) {
  const zone = zoneName();
  const instants = ms === null ? [] : alike(ms, zone, exactText(ms, zone));
  return (
    <>
      <p class="small muted" role="status">
        {isLeftOut && say('leftOut')}
      </p>
      {instants.length > 1 && (
        <fieldset>
          <legend class="small muted">{say('twice')}</legend>
          {instants.map((one, number) => (
            <label key={one} class="check small">
              <input type="radio" name={`clips-${side}`} checked={one === ms} onChange={() => onChoose(one)} />
              {say(number ? 'second' : 'first', { offset: zoneOf(zone).offsetText(one, language.value) })}
            </label>
          ))}
        </fieldset>
      )}
    </>
  );
}
