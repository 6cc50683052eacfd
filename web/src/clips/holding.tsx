import type { Footage, WireGap } from '../api/footage';
import { cameraName } from '../cameras';
import { causeText } from '../causes';
import { bytesText, clockText, durationText, momentText } from '../instants';
import { player } from '../moment';
import { Button } from '../parts/button';
import { Check } from '../parts/field';
import { ErrorText } from '../parts/shown';
import type { Holding } from './holdings';
import { say } from './words';

const MOST_GAPS = 50;

function GapLine({ gap }: { gap: WireGap }) {
  const [startMs, endMs] = [Date.parse(gap.start_utc), Date.parse(gap.end_utc)];
  const values = {
    from: clockText(startMs),
    until: clockText(endMs),
    duration: durationText(endMs - startMs),
    cause: causeText(gap.cause),
  };
  return <li>{say('gapLine', values)}</li>;
}

/** How long and how large the film is, and what is missing in it. */
function Facts({ footage }: { footage: Footage }) {
  const { duration, bytes, gaps } = footage;
  const missingMs = gaps.reduce((sum, gap) => sum + Date.parse(gap.end_utc) - Date.parse(gap.start_utc), 0);
  return (
    <div class="clips-facts small">
      <span>{say('holds', { duration: durationText(duration * 1000), size: bytesText(bytes) })}</span>
      {gaps.length === 0 && (
        <span class="badge" data-kind="good">
          {say('whole')}
        </span>
      )}
      {gaps.length > 0 && (
        <details>
          <summary>
            <span class="badge" data-kind="warning">
              {say('gapCount', { n: gaps.length })}
            </span>{' '}
            {say('gapLength', { duration: durationText(missingMs) })}
          </summary>
          <ul class="clips-gaps">
            {gaps.slice(0, MOST_GAPS).map((gap) => (
              <GapLine key={gap.start_utc} gap={gap} />
            ))}
            {gaps.length > MOST_GAPS && <li>…</li>}
          </ul>
        </details>
      )}
    </div>
  );
}

/** Why a camera has nothing there, and where the nearest footage is. */
function Nothing({ error }: { error: NonNullable<Holding['error']> }) {
  const nearest = (['before', 'after'] as const).map((name) => ({ name, utc: error.body[`${name}_utc`] }));
  return (
    <div class="clips-facts small">
      {error.has('no_footage') ? <p>{say('nothing')}</p> : <ErrorText error={error} />}
      <div class="row">
        {nearest.map(
          ({ name, utc }) =>
            typeof utc === 'string' && (
              <Button key={name} kind="quiet" onClick={() => player.goTo(Date.parse(utc))}>
                {say(name, { time: momentText(Date.parse(utc)) })}
              </Button>
            ),
        )}
      </div>
    </div>
  );
}

interface HoldingsProps {
  holdings: Holding[];
  left: number[];
  onLeave: (left: number[]) => void;
}

/** What each camera holds between the marks; those that are ticked are cut out. */
export function Holdings({ holdings, left, onLeave }: HoldingsProps) {
  return (
    <ul class="clips-holdings">
      {holdings.map(({ id, footage, error }) => (
        <li key={id}>
          <Check
            label={cameraName(id)}
            checked={footage !== null && !left.includes(id)}
            disabled={footage === null}
            onChange={(isIn) => onLeave(isIn ? left.filter((one) => one !== id) : [...left, id])}
          />
          {footage && <Facts footage={footage} />}
          {error && <Nothing error={error} />}
        </li>
      ))}
    </ul>
  );
}
