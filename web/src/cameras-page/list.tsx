/** The list of cameras: sorted by its heads, each row a card on a telephone. */
import type { Measured } from '../api/cameras';
import { type Camera, groups } from '../cameras';
import { may, mayConfigure, me } from '../me';
import { IconButton } from '../parts/button';
import { CameraSaid } from '../parts/camerasaid';
import { Link } from '../parts/link';
import { Lamp, lampOf } from '../parts/shown';
import { type Column, Table } from '../parts/table';
import { changeQuery } from '../route';
import { videoText } from './facts';
import { measures } from './measured';
import { say } from './words';

/** Recording one camera makes a group of it where there is none, which is of all cameras. */
const mayRecord = may('operator') && me.seesAll;
const measuredOf = (camera: Camera): Measured | undefined => measures.value.get(camera.id);
const groupNames = ({ groupIds }: Camera) =>
  groups.value.filter(({ id }) => groupIds.includes(id)).map(({ name }) => name);
/** What needs somebody comes first. */
const ORDER = ['offline', 'unauthorised', 'no_video', 'waiting', 'unknown', 'recording', 'online'];

function videoOf(camera: Camera): string {
  const { video } = measuredOf(camera) ?? {};
  return video ? videoText({ ...video, fps: video.frame_rate }) : '';
}

function Status({ camera }: { camera: Camera }) {
  const detail = camera.status === 'online' ? '' : measuredOf(camera)?.detail;
  return (
    <div class="cameras-status">
      <Lamp camera={camera} isWordShown />
      {detail && (
        <span class="small muted cameras-detail">
          <CameraSaid detail={detail} />
        </span>
      )}
    </div>
  );
}

function Actions({ camera, onRecord }: { camera: Camera; onRecord: (camera: Camera) => void }) {
  const { name } = camera;
  const show = (what: string) => changeQuery({ camera: String(camera.id), do: what }, { replace: false });
  return (
    <div class="row cameras-actions">
      {mayRecord && (
        <IconButton
          icon={camera.isWanted ? 'stop' : 'dot'}
          class={camera.isWanted ? '' : 'cameras-record'}
          label={say(camera.isWanted ? 'stop' : 'record', { name })}
          onClick={() => onRecord(camera)}
        />
      )}
      {mayConfigure && (
        <>
          <IconButton icon="edit" label={say('edit', { name })} onClick={() => show('edit')} />
          <IconButton icon="bin" label={say('remove', { name })} onClick={() => show('remove')} />
        </>
      )}
    </div>
  );
}

function Name({ camera }: { camera: Camera }) {
  return (
    <Link page="cameras" query={{ camera: String(camera.id) }} class="cameras-name">
      {camera.name}
    </Link>
  );
}

function Address({ camera }: { camera: Camera }) {
  return (
    <span class="code" translate={false}>
      {camera.address}
    </span>
  );
}

const tagNames = (camera: Camera): string => camera.tags.map(({ name }) => name).join(', ');

function columns(onRecord: (camera: Camera) => void): Column<Camera>[] {
  return [
    {
      name: 'name',
      label: say('name'),
      cell: (camera) => <Name camera={camera} />,
      order: (camera) => camera.name,
    },
    {
      name: 'status',
      label: say('status'),
      cell: (camera) => <Status camera={camera} />,
      order: (camera) => ORDER.indexOf(lampOf(camera)),
    },
    {
      name: 'address',
      label: say('address'),
      cell: (camera) => <Address camera={camera} />,
      order: (camera) => camera.address,
    },
    { name: 'model', label: say('model'), cell: (camera) => say(camera.model), order: (camera) => camera.model },
    { name: 'video', label: say('video'), cell: videoOf, order: (camera) => measuredOf(camera)?.video?.height ?? null },
    {
      name: 'groups',
      label: say('groups'),
      cell: (camera) => <span class="cameras-names">{groupNames(camera).join(', ')}</span>,
      order: (camera) => groupNames(camera).join(', ') || null,
    },
    {
      name: 'tags',
      label: say('tags'),
      cell: (camera) => <span class="cameras-names">{tagNames(camera)}</span>,
      order: (camera) => tagNames(camera) || null,
    },
    ...(mayRecord || mayConfigure
      ? [{ name: 'does', label: say('does'), cell: (one: Camera) => <Actions camera={one} onRecord={onRecord} /> }]
      : []), // who may do nothing gets no column of nothing
  ];
}

export function List({ rows, onRecord }: { rows: Camera[]; onRecord: (camera: Camera) => void }) {
  return (
    <div class="panel cameras-list">
      <Table caption={say('title')} columns={columns(onRecord)} rows={rows} keyOf={({ id }) => id} />
    </div>
  );
}
