import type { ApiError } from '../api/call';
import { type Footage, type Gap, type Interval, intervalOf } from '../api/footage';
import { cameraName } from '../cameras';
import { causeText } from '../causes';
import { bytesText, durationText, momentText, spanText } from '../instants';
import { marks, player } from '../moment';
import { Button } from '../parts/button';
import { Check } from '../parts/field';
import { ErrorText } from '../parts/shown';
import type { Holding } from './holdings';
import { say } from './words';

const MOST_GAPS = 50;

type Missing = Interval & Pick<Gap, 'cause'>;

/** What is missing, from when to when, and why. */
function GapLines({ gaps }: { gaps: Missing[] }) {
  return (
    <ul class="clips-gaps">
      {gaps.slice(0, MOST_GAPS).map(({ startMs, endMs, cause }) => (
        <li key={startMs}>
          {say('gapLine', {
            span: spanText(startMs, endMs),
            duration: durationText(endMs - startMs),
            cause: causeText(cause),
          })}
        </li>
      ))}
      {gaps.length > MOST_GAPS && <li>…</li>}
    </ul>
  );
}

/** How long and how large the film is, and what is missing in it. */
function Facts({ footage }: { footage: Footage }) {
  const { duration, bytes } = footage;
  const gaps = footage.gaps.map((gap) => ({ ...intervalOf(gap), cause: gap.cause }));
  const missingMs = gaps.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
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
          <GapLines gaps={gaps} />
        </details>
      )}
    </div>
  );
}

/** Why a camera has nothing there, and where the nearest footage is. */
function Nothing({ error, causes }: { error: ApiError; causes: Gap[] }) {
  const { inMs } = marks.value;
  const nearest = (['before', 'after'] as const).map((name) => ({ name, utc: error.body[`${name}_utc`] }));
  return (
    <div class="clips-facts small">
      {error.has('no_footage') ? <p>{say('nothing')}</p> : <ErrorText error={error} />}
      {causes.length > 0 && <GapLines gaps={causes} />}
      <div class="row">
        {nearest.map(
          ({ name, utc }) =>
            typeof utc === 'string' && (
              <Button key={name} kind="quiet" onClick={() => player.goTo(Date.parse(utc))}>
                {say(name, { time: momentText(Date.parse(utc), inMs ?? Date.parse(utc)) })}
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
      {holdings.map(({ id, footage, error, causes }) => (
        <li key={id}>
          <Check
            label={cameraName(id)}
            checked={footage !== null && !left.includes(id)}
            disabled={footage === null}
            onChange={(isIn) => onLeave(isIn ? left.filter((one) => one !== id) : [...left, id])}
          />
          {footage && <Facts footage={footage} />}
          {error && <Nothing error={error} causes={causes} />}
        </li>
      ))}
    </ul>
  );
}
