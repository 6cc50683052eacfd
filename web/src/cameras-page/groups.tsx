/** Groups: made, filled, given a schedule, deleted. */

import { useEffect, useState } from 'preact/hooks';
import { ApiError, isAbort } from '../api/call';
import { groupsOf } from '../api/cameras';
import type { Model } from '../api/sources';
import * as api from '../api/sources';
import { type CameraGroup, cameras, groups, refresh } from '../cameras';
import { Button, IconButton } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { Dialog } from '../parts/dialog';
import { Check, Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say } from './groupwords';
import { ScheduleForm } from './schedule';

type Act = (what: () => Promise<unknown>) => Promise<void>;
type Models = ReadonlyMap<string, Model>;

/** Which kind each group is of: its object does not say. */
function useModels(known: CameraGroup[]): Models {
  const [models, setModels] = useState<Models>(new Map());
  const ids = known.map(({ id }) => id).join();
  useEffect(() => {
    const asking = new AbortController();
    const ask = async () => {
      const kinds: Model[] = ['Source', 'PictureSource'];
      const lists = await Promise.all(kinds.map((model) => groupsOf(model, asking.signal)));
      setModels(new Map(lists.flatMap((list, at) => list.map(({ id }) => [id, kinds[at] ?? 'Source']))));
    };
    ask().catch((error) => {
      if (!isAbort(error) && !(error instanceof ApiError)) throw error; // the next asking tells
    });
    return () => asking.abort();
  }, [ids]);
  return models;
}

function Members({ group, model, act }: { group: CameraGroup; model: Model; act: Act }) {
  const fitting = (cameras.value ?? []).filter((camera) => camera.model === model);
  if (!fitting.length) return <p class="muted">{say('noMembers')}</p>;
  return (
    <fieldset class="cameras-groups" aria-label={say('members', { name: group.name })}>
      {fitting.map(({ id, name }) => (
        <Check
          key={id}
          label={name}
          checked={group.sourceIds.includes(id)}
          onChange={(isIn) => act(() => (isIn ? api.addMember(group.id, id) : api.removeMember(group.id, id)))}
        />
      ))}
    </fieldset>
  );
}

function Sure({ group, onClose }: { group: CameraGroup; onClose: () => void }) {
  const { id, name } = group;
  const remove = async () => {
    try {
      await api.removeGroup(id);
      toast(say('removed', { name }));
    } finally {
      await refresh();
    }
  };
  return (
    <Confirm title={say('remove', { name })} action={say('yes')} icon="bin" act={remove} onClose={onClose}>
      <p>{say('sure', { name })}</p>
    </Confirm>
  );
}

function Group({ group, model, act }: { group: CameraGroup; model: Model; act: Act }) {
  const [shown, setShown] = useState<'members' | 'schedule' | null>(null);
  const [isSure, setSure] = useState(false);
  const { name } = group;
  const toggle = (what: 'members' | 'schedule') => () => setShown(shown === what ? null : what);
  return (
    <li class="panel stack">
      <div class="row">
        <h3>{name}</h3>
        <span class="small muted">
          {say('count', { n: group.sourceIds.length })} · {say(model)}
        </span>
        <span class="spring" />
        <Button aria-expanded={shown === 'members'} aria-label={say('members', { name })} onClick={toggle('members')}>
          {say('membersShort')}
        </Button>
        <Button
          aria-expanded={shown === 'schedule'}
          aria-label={say('schedule', { name })}
          onClick={toggle('schedule')}
        >
          {say('scheduleShort')}
        </Button>
        <IconButton icon="bin" label={say('remove', { name })} onClick={() => setSure(true)} />
      </div>
      {shown === 'members' && <Members group={group} model={model} act={act} />}
      {shown === 'schedule' && <ScheduleForm groupId={group.id} name={name} />}
      {isSure && <Sure group={group} onClose={() => setSure(false)} />}
    </li>
  );
}

function Make({ act }: { act: Act }) {
  const [name, setName] = useState('');
  const [model, setModel] = useState<Model>('Source');
  return (
    <form
      class="row cameras-make"
      onSubmit={(event) => {
        event.preventDefault();
        void act(async () => {
          await api.addGroup(model, name.trim());
          setName('');
        });
      }}
    >
      <Field label={say('name')}>
        <input value={name} required maxLength={255} onInput={({ currentTarget: { value } }) => setName(value)} />
      </Field>
      <Field label={say('kind')}>
        <select
          value={model}
          onChange={({ currentTarget: { value } }) => setModel(value === 'Source' ? 'Source' : 'PictureSource')}
        >
          <option value="Source">{say('Source')}</option>
          <option value="PictureSource">{say('PictureSource')}</option>
        </select>
      </Field>
      <Button type="submit" icon="plus" kind="main">
        {say('make')}
      </Button>
    </form>
  );
}

export function Groups({ onClose }: { onClose: () => void }) {
  const [error, setError] = useState<unknown>(null);
  const known = groups.value;
  const models = useModels(known);
  const act: Act = async (what) => {
    setError(null);
    try {
      await what();
    } catch (reason) {
      setError(reason);
    } finally {
      await refresh();
    }
  };
  return (
    <Dialog title={say('title')} onClose={onClose} isWide>
      <div class="stack">
        <p class="muted">{say('hint')}</p>
        <Make act={act} />
        <ErrorText error={error} />
        {known.length === 0 && <p>{say('none')}</p>}
        <ul class="stack">
          {known.map((group) => (
            <Group key={group.id} group={group} model={models.get(group.id) ?? 'Source'} act={act} />
          ))}
        </ul>
      </div>
    </Dialog>
  );
}
