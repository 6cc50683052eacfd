/** The week of a group: when it records by itself. */

import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api/call';
import * as api from '../api/cameras';
import { zoneName, zoneNames } from '../instants';
import { DAY_MS } from '../lengths';
import { Button, IconButton } from '../parts/button';
import { Check, Field } from '../parts/field';
import { ErrorText, Spinner } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { language } from '../words';
import { say } from './groupwords';

const MONDAY_MS = Date.UTC(2026, 0, 5);
const dayName = (day: api.Day) =>
  new Intl.DateTimeFormat(language.value, { weekday: 'long', timeZone: 'UTC' }).format(
    MONDAY_MS + api.DAYS.indexOf(day) * DAY_MS,
  );
const TIME = '([01][0-9]|2[0-3]):[0-5][0-9]';

function WindowRow({ window, change, remove }: WindowProps) {
  return (
    <li class="cameras-window">
      <Field label={say('day')}>
        <select
          value={window.day}
          onChange={({ currentTarget: { value } }) =>
            change({ day: api.DAYS.find((day) => day === value) ?? 'monday' })
          }
        >
          {api.DAYS.map((day) => (
            <option key={day} value={day}>
              {dayName(day)}
            </option>
          ))}
        </select>
      </Field>
      {(['begin', 'end'] as const).map((edge) => (
        <Field key={edge} label={say(edge)}>
          <input
            value={window[edge]}
            required
            size={5}
            inputmode="numeric"
            pattern={edge === 'end' ? `${TIME}|24:00` : TIME}
            placeholder="08:30"
            onInput={({ currentTarget: { value } }) => change({ [edge]: value })}
          />
        </Field>
      ))}
      <IconButton icon="bin" label={say('removeWindow')} onClick={remove} />
    </li>
  );
}

interface WindowProps {
  window: api.Window;
  change: (part: Partial<api.Window>) => void;
  remove: () => void;
}

function Windows({ windows, set }: { windows: api.Window[]; set: (windows: api.Window[]) => void }) {
  const fresh = (day: api.Day): api.Window => ({ day, begin: '08:00', end: '18:00' });
  return (
    <div class="stack">
      <ul class="stack" aria-label={say('windows')}>
        {windows.map((window, at) => (
          <WindowRow
            key={at}
            window={window}
            change={(part) => set(windows.map((one, other) => (other === at ? { ...one, ...part } : one)))}
            remove={() => set(windows.filter((_, other) => other !== at))}
          />
        ))}
      </ul>
      <p class="small muted">{say('endHint')}</p>
      <div class="row">
        <Button icon="plus" onClick={() => set([...windows, fresh('monday')])}>
          {say('addWindow')}
        </Button>
        <Button onClick={() => set([...windows, ...api.DAYS.map(fresh)])}>{say('everyDay')}</Button>
      </div>
    </div>
  );
}

/** The schedule of a group; null while it is asked for. A group that has none begins with an empty one. */
function useSchedule(groupId: string, name: string) {
  const [given, setGiven] = useState<api.ScheduleInput | null>(null);
  const [isStored, setStored] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const empty = { tag_name: name, time_zone: zoneName(), windows: [], is_enabled: true };
  const take = (found: api.Schedule | null) => {
    setGiven(found ?? empty);
    setStored(found !== null);
    setOpen(found?.is_open ?? false);
  };
  const act = async (what: () => Promise<api.Schedule | null>, done: string) => {
    setError(null);
    try {
      take(await what());
      toast(done);
    } catch (reason) {
      setError(reason);
    }
  };
  useEffect(() => {
    const asking = new AbortController();
    api.schedule(groupId, asking.signal).then(take, (reason) => {
      if (reason instanceof ApiError && reason.status === 404) take(null);
      else if (reason instanceof ApiError) setError(reason);
    });
    return () => asking.abort();
  }, [groupId]);
  return { given, setGiven, isStored, isOpen, error, act };
}

interface PartProps {
  given: api.ScheduleInput;
  change: (part: Partial<api.ScheduleInput>) => void;
}

function TagAndZone({ given: { tag_name, time_zone }, change }: PartProps) {
  return (
    <div class="cameras-pair">
      <Field label={say('tag')}>
        <input
          value={tag_name}
          required
          maxLength={255}
          onInput={({ currentTarget: { value } }) => change({ tag_name: value })}
        />
      </Field>
      <Field label={say('zone')}>
        <select value={time_zone} onChange={({ currentTarget: { value } }) => change({ time_zone: value })}>
          {[...new Set([time_zone, ...zoneNames()])].map((zone) => (
            <option key={zone}>{zone}</option>
          ))}
        </select>
      </Field>
    </div>
  );
}

/** That there is none yet, or that it records now. */
function State({ isStored, isOpen }: { isStored: boolean; isOpen: boolean }) {
  return (
    <>
      {!isStored && <p class="muted">{say('noSchedule')}</p>}
      {isOpen && (
        <span class="badge" data-kind="good">
          {say('open')}
        </span>
      )}
    </>
  );
}

export function ScheduleForm({ groupId, name }: { groupId: string; name: string }) {
  const { given, setGiven, isStored, isOpen, error, act } = useSchedule(groupId, name);
  if (!given) return error ? <ErrorText error={error} /> : <Spinner />;
  const change = (part: Partial<api.ScheduleInput>) => setGiven({ ...given, ...part });
  const { tag_name, time_zone, windows, is_enabled } = given;
  const save = (event: Event) => {
    event.preventDefault();
    const body = { tag_name, time_zone, windows, is_enabled };
    void act(() => api.putSchedule(groupId, body), say('saved', { name }));
  };
  const remove = async () => {
    await api.removeSchedule(groupId);
    return null;
  };
  return (
    <form class="stack" onSubmit={save}>
      <State isStored={isStored} isOpen={isOpen} />
      <TagAndZone given={given} change={change} />
      <Windows windows={windows} set={(changed) => change({ windows: changed })} />
      <Check label={say('enabled')} checked={is_enabled} onChange={(isOn) => change({ is_enabled: isOn })} />
      <ErrorText error={error} />
      <div class="dialog-buttons">
        {isStored && <Button onClick={() => act(remove, say('offDone', { name }))}>{say('off')}</Button>}
        <Button type="submit" kind="main" disabled={windows.length === 0}>
          {sayPart('save')}
        </Button>
      </div>
    </form>
  );
}
