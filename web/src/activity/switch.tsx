/** Whether movement is looked for before a camera: a switch, since when, and how far that has come. */

import { useState } from 'preact/hooks';
import { type ActivitySetting, activitySetting, setActivity } from '../api/activity';
import { cameraName } from '../cameras';
import { durationText, isoOf, momentText, nowMs } from '../instants';
import { DAY_MS } from '../lengths';
import { mayConfigure } from '../me';
import { useAsked } from '../parts/asked';
import { Check, Field } from '../parts/field';
import { ErrorText, Spinner } from '../parts/shown';
import { toast } from '../parts/toasts';
import { ShareSlider } from './slider';
import { placeOf } from './threshold';
import { say } from './words';
import './activity.css';

const AGAIN_MS = 5000;
/** How far back is looked, by its name. */
const BACK_MS = { sinceNow: 0, sinceDay: DAY_MS, sinceWeek: 7 * DAY_MS, sinceMonth: 31 * DAY_MS } as const;
const NAMES = [...(Object.keys(BACK_MS) as (keyof typeof BACK_MS)[]), 'sinceAll'] as const;
type Since = (typeof NAMES)[number];

const momentOf = (name: Since): string => isoOf(name === 'sinceAll' ? 0 : nowMs() - BACK_MS[name]);

function Progress({ setting }: { setting: ActivitySetting }) {
  if (!setting.is_enabled) return null;
  const left = setting.behind_s * 1000;
  return (
    <p class="small muted" role="status">
      {left >= 1000 ? say('behind', { length: durationText(left) }) : say('upToDate')}
    </p>
  );
}

interface SinceProps {
  setting: ActivitySetting;
  isBusy: boolean;
  onChoose: (since: string) => void;
}

function SinceChoice({ setting, isBusy, onChoose }: SinceProps) {
  const sinceMs = Date.parse(setting.since_utc ?? '');
  return (
    <Field label={say('since')}>
      <select
        value="set"
        disabled={isBusy || !mayConfigure}
        onChange={(event) => onChoose(momentOf(event.currentTarget.value as Since))}
      >
        <option value="set">{sinceMs > 0 ? say('sinceSet', { at: momentText(sinceMs) }) : say('sinceAll')}</option>
        {NAMES.map((name) => (
          <option key={name} value={name}>
            {say(name)}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** How activity of a camera stands, and what changes that: shown at once, and taken back where it is refused. */
function useSetting(sourceId: number, onChange: (() => void) | undefined) {
  // Again while it is shown: what is left to look at becomes less.
  const asked = useAsked((ending) => activitySetting(sourceId, ending), String(sourceId), AGAIN_MS);
  const [refused, setRefused] = useState<unknown>(null);
  const { value: stored, set: setStored } = asked;
  // What a hand has set, until the service has answered to it: no answer to an earlier question takes it back.
  const [chosen, setChosen] = useState<Partial<ActivitySetting>>({});
  const error = refused ?? asked.error;
  const [isBusy, setBusy] = useState(false);
  const change = async (values: Parameters<typeof setActivity>[1]) => {
    const { since, ...shown } = values;
    setBusy(true);
    setChosen(shown); // at once; taken back if refused
    try {
      setStored(await setActivity(sourceId, values));
      setRefused(null);
      toast(say('saved', { camera: cameraName(sourceId) }));
      onChange?.();
    } catch (problem) {
      setRefused(problem);
    } finally {
      setChosen({});
      setBusy(false);
    }
  };
  const setting = stored && { ...stored, ...chosen };
  /** Show a threshold while it is dragged; back at its place a slider tells of no change. */
  const drag = (threshold: number) =>
    setChosen(stored && placeOf(threshold) === placeOf(stored.threshold) ? {} : { threshold });
  return { setting, drag, change, isBusy, error };
}

/** The switch of one camera, for its own page and for the timeline; who may not configure sees how it stands. */
export function ActivitySwitch({ sourceId, onChange }: { sourceId: number; onChange?: () => void }) {
  const { setting, drag, change, isBusy, error } = useSetting(sourceId, onChange);
  if (!setting) return error ? <ErrorText error={error} /> : <Spinner />;
  return (
    <div class="activity-switch">
      <Check
        label={say('isOn', { camera: cameraName(sourceId) })}
        checked={setting.is_enabled}
        disabled={isBusy || !mayConfigure}
        onChange={(is_enabled) => change({ is_enabled })}
      />
      {setting.is_enabled && (
        <>
          <SinceChoice setting={setting} isBusy={isBusy} onChoose={(since) => change({ since })} />
          <ShareSlider
            label={say('threshold')}
            share={setting.threshold}
            disabled={isBusy || !mayConfigure}
            onInput={drag}
            onChange={(threshold) => change({ threshold })}
          />
        </>
      )}
      <Progress setting={setting} />
      {!mayConfigure && <p class="small muted">{say('onlyAdmins')}</p>}
      <ErrorText error={error} />
    </div>
  );
}
