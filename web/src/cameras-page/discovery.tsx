/** Cameras that answer in the network of the service: each fills the form, none is connected to. */
import { useEffect, useState } from 'preact/hooks';
import { ApiError, isAbort } from '../api/call';
import { type Device, discover } from '../api/cameras';
import { cameraName } from '../cameras';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Link } from '../parts/link';
import { Empty, ErrorText, Spinner } from '../parts/shown';
import { type Column, Table } from '../parts/table';
import { defineWords } from '../words';
import type { Draft } from './draft';
import { addressAt, makerOf } from './makers';

const say = defineWords({
  en: {
    title: 'Cameras in the network',
    searching: 'Asking the network (ONVIF): this takes 3 seconds',
    again: 'Search again',
    none: 'No camera has answered',
    noneHint:
      'Only ONVIF cameras in the same network as the server answer. Switch ONVIF on in the camera, or add it by its address.',
    hint: 'Names are what devices say of themselves. Choose one, then give user, password and path.',
    address: 'Address',
    name: 'Name',
    hardware: 'Device',
    state: 'State',
    known: 'there already: ',
    forbidden: 'PLAYBACK_CAMERA_NETWORKS lets no camera be there',
    take: 'Add {name}',
    takeShort: 'Add',
    busy: 'Somebody searches already. Try again in a moment.',
    noMulticast: 'The server cannot ask its network: no multicast leaves it.',
  },
  ru: {
    title: 'Камеры в сети',
    searching: 'Опрос сети (ONVIF): 3 секунды',
    again: 'Искать ещё раз',
    none: 'Ни одна камера не ответила',
    noneHint:
      'Отвечают только камеры ONVIF в одной сети с сервером. Включите ONVIF в камере или добавьте её по адресу.',
    hint: 'Названия — это то, что устройства сообщают о себе. Выберите камеру, затем укажите логин, пароль и путь.',
    address: 'Адрес',
    name: 'Название',
    hardware: 'Устройство',
    state: 'Состояние',
    known: 'уже добавлена: ',
    forbidden: 'PLAYBACK_CAMERA_NETWORKS не допускает камер по этому адресу',
    take: 'Добавить: {name}',
    takeShort: 'Добавить',
    busy: 'Поиск уже идёт. Повторите чуть позже.',
    noMulticast: 'Сервер не может опросить сеть: многоадресные пакеты не уходят.',
  },
  vi: {
    title: 'Camera trong mạng',
    searching: 'Đang hỏi mạng (ONVIF): mất 3 giây',
    again: 'Tìm lại',
    none: 'Không có camera nào trả lời',
    noneHint: 'Chỉ camera ONVIF cùng mạng với máy chủ mới trả lời. Hãy bật ONVIF trong camera hoặc thêm theo địa chỉ.',
    hint: 'Tên là do thiết bị tự khai. Chọn một camera rồi nhập tên đăng nhập, mật khẩu và đường dẫn.',
    address: 'Địa chỉ',
    name: 'Tên',
    hardware: 'Thiết bị',
    state: 'Tình trạng',
    known: 'đã có: ',
    forbidden: 'PLAYBACK_CAMERA_NETWORKS không cho đặt camera ở đó',
    take: 'Thêm {name}',
    takeShort: 'Thêm',
    busy: 'Đang có người tìm. Hãy thử lại sau giây lát.',
    noMulticast: 'Máy chủ không hỏi được mạng: gói multicast không ra ngoài.',
  },
});

function draftOfDevice({ address, name, hardware }: Device): Partial<Draft> {
  return { name: name || hardware, address: addressAt(address, makerOf(name, hardware)) };
}

function State({ device }: { device: Device }) {
  if (device.source_ids.length > 0) {
    return (
      <span>
        {say('known')}
        {device.source_ids.map((id, at) => (
          <>
            {at > 0 && ', '}
            <Link key={id} page="cameras" query={{ camera: String(id) }}>
              {cameraName(id)}
            </Link>
          </>
        ))}
      </span>
    );
  }
  return device.problem ? <span class="error-text">{say('forbidden')}</span> : null;
}

function columns(onTake: (found: Partial<Draft>) => void): Column<Device>[] {
  return [
    {
      name: 'address',
      label: say('address'),
      cell: ({ address }) => (
        <span class="code" translate={false}>
          {address}
        </span>
      ),
      order: ({ address }) => address,
    },
    { name: 'name', label: say('name'), cell: ({ name }) => name, order: ({ name }) => name || null },
    {
      name: 'hardware',
      label: say('hardware'),
      cell: ({ hardware }) => hardware,
      order: ({ hardware }) => hardware || null,
    },
    { name: 'state', label: say('state'), cell: (device) => <State device={device} /> },
    {
      name: 'take',
      label: say('takeShort'),
      cell: (device) => (
        <Button
          icon="plus"
          disabled={device.problem !== null}
          aria-label={say('take', { name: device.name || device.address })}
          onClick={() => onTake(draftOfDevice(device))}
        >
          {say('takeShort')}
        </Button>
      ),
    },
  ];
}

interface State {
  devices: Device[] | null;
  error: unknown;
}

function Failure({ error }: { error: unknown }) {
  const isKnown = error instanceof ApiError && (error.status === 429 || error.has('no_multicast'));
  if (!isKnown) return <ErrorText error={error} />;
  return (
    <p class="notice" data-kind="warning" role="alert">
      {say(error.status === 429 ? 'busy' : 'noMulticast')}
    </p>
  );
}

function Found({
  devices,
  onTake,
}: {
  devices: NonNullable<State['devices']>;
  onTake: (found: Partial<Draft>) => void;
}) {
  return (
    <>
      <p class="muted">{say('hint')}</p>
      <Table
        caption={say('title')}
        columns={columns(onTake)}
        rows={devices}
        keyOf={({ address, endpoint }) => `${address} ${endpoint}`}
      />
    </>
  );
}

export function Discovery({ onClose, onTake }: { onClose: () => void; onTake: (found: Partial<Draft>) => void }) {
  const [{ devices, error }, setState] = useState<State>({ devices: null, error: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const asking = new AbortController();
    setState({ devices: null, error: null });
    discover(asking.signal).then(
      (found) => setState({ devices: found, error: null }),
      (reason) => isAbort(reason) || setState({ devices: [], error: reason }),
    );
    return () => asking.abort();
  }, [turn]);
  return (
    <Dialog title={say('title')} onClose={onClose} isWide>
      <div class="stack" aria-live="polite" aria-busy={devices === null}>
        {devices === null && (
          <div class="row">
            <Spinner label={say('searching')} />
            <span>{say('searching')}</span>
          </div>
        )}
        {error ? <Failure error={error} /> : null}
        {devices?.length === 0 && !error && (
          <Empty title={say('none')}>
            <p>{say('noneHint')}</p>
          </Empty>
        )}
        {devices && devices.length > 0 && <Found devices={devices} onTake={onTake} />}
      </div>
      <div class="dialog-buttons">
        <Button icon="search" disabled={devices === null} onClick={() => setTurn(turn + 1)}>
          {say('again')}
        </Button>
      </div>
    </Dialog>
  );
}
