/** The cameras: what they are, whether they are there, and all that is set of them. Its state stands in the address. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { type Camera, camera as cameraOf, cameras, groups, refresh } from '../cameras';
import { useKeys } from '../keys';
import { mayConfigure } from '../me';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Empty, lampOf, Spinner } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say as sayParts } from '../parts/words';
import { changeQuery, route } from '../route';
import './cameras.css';
import { language } from '../words';
import { Details } from './details';
import { Discovery } from './discovery';
import type { Draft } from './draft';
import { CameraForm } from './form';
import { Groups } from './groups';
import { Importing } from './importing';
import { List } from './list';
import { wantMeasured } from './measured';
import { start, stop, stoppedWith } from './recording';
import { Remove, Stop } from './remove';
import { say } from './words';

const STATUSES = ['online', 'offline', 'unauthorised', 'no_video', 'unknown', 'recording', 'waiting'] as const;
const open = (what: string) => changeQuery({ open: what, camera: null, do: null }, { replace: false });
const close = () => changeQuery({ open: null, camera: null, do: null });

function Head({ all, shown }: { all: number; shown: number }) {
  return (
    <div class="row cameras-head">
      <h1>{say('title')}</h1>
      <span class="muted numbers" role="status">
        {shown === all ? say('count', { n: all }) : say('shown', { n: shown, all })}
      </span>
      <span class="spring" />
      {mayConfigure && (
        <>
          <Button icon="search" onClick={() => open('find')}>
            {say('find')}
          </Button>
          <Button icon="files" onClick={() => open('import')}>
            {say('bring')}
          </Button>
          <Button icon="grid" onClick={() => open('groups')}>
            {say('groups')}
          </Button>
          <Button icon="plus" kind="main" onClick={() => open('add')}>
            {say('add')}
          </Button>
        </>
      )}
    </div>
  );
}

interface Filter {
  text: string;
  status: string;
  group: string;
}

function fits(camera: Camera, { text, status, group }: Filter): boolean {
  const words = [camera.name, camera.address, ...camera.tags.map(({ name }) => name)].join('\n').toLowerCase();
  const isOfStatus = !status || lampOf(camera) === status || camera.status === status;
  return words.includes(text.trim().toLowerCase()) && isOfStatus && (!group || camera.groupIds.includes(group));
}

function Filters({ filter, change }: { filter: Filter; change: (part: Partial<Filter>) => void }) {
  return (
    <search class="row cameras-filters">
      <input
        id="cameras-filter"
        type="search"
        placeholder={say('filter')}
        aria-label={say('filter')}
        value={filter.text}
        onInput={({ currentTarget: { value } }) => change({ text: value })}
      />
      <select
        aria-label={say('status')}
        value={filter.status}
        onChange={({ currentTarget: { value } }) => change({ status: value })}
      >
        <option value="">{say('anyStatus')}</option>
        {STATUSES.map((name) => (
          <option key={name} value={name}>
            {sayParts(name)}
          </option>
        ))}
      </select>
      {groups.value.length > 0 && (
        <select
          aria-label={say('groups')}
          value={filter.group}
          onChange={({ currentTarget: { value } }) => change({ group: value })}
        >
          <option value="">{say('anyGroup')}</option>
          {groups.value.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </search>
  );
}

/** The dialog that the address asks for. `begin`: what is known of a camera that was found. */
function Asked({ begin, setBegin }: { begin: Partial<Draft>; setBegin: (begin: Partial<Draft>) => void }) {
  const { query } = route.value;
  const [id, what, shown] = [query.get('camera'), query.get('do'), query.get('open')];
  const camera = id ? cameraOf(Number(id)) : null;
  if (id && !camera) {
    return (
      <Dialog title={say('gone')} onClose={close}>
        <p>{say('goneHint')}</p>
      </Dialog>
    );
  }
  if (camera && mayConfigure && what === 'edit') return <CameraForm key={id} camera={camera} onClose={close} />;
  if (camera && mayConfigure && what === 'remove') return <Remove camera={camera} onClose={close} />;
  if (camera) return <Details camera={camera} onClose={close} />;
  if (!mayConfigure) return null;
  if (shown === 'add') return <CameraForm camera={null} begin={begin} onClose={close} />;
  if (shown === 'import') return <Importing onClose={close} />;
  if (shown === 'groups') return <Groups onClose={close} />;
  if (shown !== 'find') return null;
  const take = (found: Partial<Draft>) => {
    setBegin(found);
    open('add');
  };
  return <Discovery onClose={close} onTake={take} />;
}

/** What is shown where the list is: cameras, or why there are none. */
function Shown({ all, rows, onRecord, onClear }: ShownProps) {
  if (all === 0) {
    return (
      <Empty title={say('none')}>
        {mayConfigure && (
          <>
            <p>{say('noneHint')}</p>
            <Button icon="plus" kind="main" onClick={() => open('add')}>
              {say('add')}
            </Button>
          </>
        )}
      </Empty>
    );
  }
  if (rows.length > 0) return <List rows={rows} onRecord={onRecord} />;
  return (
    <Empty title={say('noneMatch')}>
      <Button onClick={onClear}>{say('clear')}</Button>
    </Empty>
  );
}

interface ShownProps {
  all: number;
  rows: Camera[];
  onRecord: (camera: Camera) => void;
  onClear: () => void;
}

/** Start a camera, or stop it; what stops others too is asked first. */
function useRecording() {
  const [stopping, setStopping] = useState<number | null>(null);
  const toggle = async (camera: Camera) => {
    const { name, model, id } = camera;
    try {
      if (!camera.isWanted) {
        await start(name, model, [id]);
        toast(say('started', { name }));
      } else if (stoppedWith(camera, cameras.peek() ?? []).length > 0) setStopping(id);
      else {
        await stop(camera);
        toast(say('stopped', { name }));
      }
    } catch (error) {
      toast((error as Error).message, 'danger');
      await refresh();
    }
  };
  return { stopping: stopping === null ? null : cameraOf(stopping), endStopping: () => setStopping(null), toggle };
}

const HINTS = () => [
  { keys: '/', hint: say('filter'), act: () => document.getElementById('cameras-filter')?.focus() },
  ...(mayConfigure ? [{ keys: 'n', hint: say('add'), act: () => open('add') }] : []),
];

export default function Page() {
  const filter = useSignal<Filter>({ text: '', status: '', group: '' });
  const [begin, setBegin] = useState<Partial<Draft>>({});
  const hints = useMemo(HINTS, [language.value]);
  const { stopping, endStopping, toggle } = useRecording();
  const all = cameras.value;
  useKeys(hints);
  useEffect(() => {
    if (all) wantMeasured(all);
  }, [all]);
  const isAdding = route.value.query.get('open') === 'add';
  useEffect(() => {
    if (!isAdding) setBegin({});
  }, [isAdding]);
  if (!all) return <Spinner />;
  const rows = all.filter((camera) => fits(camera, filter.value));
  const change = (part: Partial<Filter>) => {
    filter.value = { ...filter.value, ...part };
  };
  return (
    <div class="cameras-page stack">
      <Head all={all.length} shown={rows.length} />
      {all.length > 0 && <Filters filter={filter.value} change={change} />}
      <Shown
        all={all.length}
        rows={rows}
        onRecord={toggle}
        onClear={() => change({ text: '', status: '', group: '' })}
      />
      <Asked begin={begin} setBegin={setBegin} />
      {stopping && <Stop camera={stopping} onClose={endStopping} />}
    </div>
  );
}
