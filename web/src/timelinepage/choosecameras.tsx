/** Which cameras are shown, at most sixteen: by ticks, by group, found by name. */
import { useSignal } from '@preact/signals';
import { type Camera, cameras, groups } from '../cameras';
import { asked, chooseCameras, chosen, laneIds, MOST_CAMERAS } from '../moment';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Check, Field } from '../parts/field';
import { Lamp } from '../parts/shown';
import { defineWords } from '../words';

const say = defineWords({
  en: {
    button: 'Cameras: {n} of {all}',
    title: 'Cameras shown',
    find: 'Find by name or number',
    first: 'All, {n} at most',
    none: 'None of them',
    full: 'Sixteen cameras are shown at most: take one away first.',
    noneFound: 'No camera is called so.',
    needed: 'Tick at least one camera.',
    show: 'Show',
    groups: 'Groups',
  },
  ru: {
    button: 'Камеры: {n} из {all}',
    title: 'Показанные камеры',
    find: 'Найти по имени или номеру',
    first: 'Все, не больше {n}',
    none: 'Снять все отметки',
    full: 'Показать можно не больше шестнадцати камер: сначала снимите одну отметку.',
    noneFound: 'Камеры с таким именем нет.',
    needed: 'Отметьте хотя бы одну камеру.',
    show: 'Показать',
    groups: 'Группы',
  },
  vi: {
    button: 'Camera: {n} trên {all}',
    title: 'Các camera đang xem',
    find: 'Tìm theo tên hoặc số',
    first: 'Tất cả, tối đa {n}',
    none: 'Bỏ chọn tất cả',
    full: 'Chỉ xem được tối đa mười sáu camera: hãy bỏ chọn một camera trước.',
    noneFound: 'Không có camera nào tên như vậy.',
    needed: 'Hãy chọn ít nhất một camera.',
    show: 'Xem',
    groups: 'Nhóm',
  },
});

const isFound = (camera: Camera, words: string): boolean =>
  camera.name.toLocaleLowerCase().includes(words) || String(camera.id) === words;

/** Ticks many at once: the first, those of a group, none. */
function Many({ known, onTick }: { known: Camera[]; onTick: (ids: number[]) => void }) {
  return (
    <fieldset class="row choosecameras-groups" aria-label={say('groups')}>
      <Button onClick={() => onTick(known.slice(0, MOST_CAMERAS).map((camera) => camera.id))}>
        {say('first', { n: MOST_CAMERAS })}
      </Button>
      {groups.value.map((group) => (
        <Button key={group.id} onClick={() => onTick(group.sourceIds.slice(0, MOST_CAMERAS))}>
          <span translate={false}>{group.name}</span>
        </Button>
      ))}
      <Button kind="quiet" onClick={() => onTick([])}>
        {say('none')}
      </Button>
    </fieldset>
  );
}

function Choices({ ticked, onTick }: { ticked: number[]; onTick: (ids: number[]) => void }) {
  const words = useSignal('');
  const known = cameras.value ?? [];
  const found = known.filter((camera) => isFound(camera, words.value.trim().toLocaleLowerCase()));
  const isFull = ticked.length >= MOST_CAMERAS;
  return (
    <>
      <Field label={say('find')}>
        <input type="search" value={words.value} onInput={(event) => (words.value = event.currentTarget.value)} />
      </Field>
      <Many known={known} onTick={onTick} />
      <ul class="choosecameras-list">
        {found.map((camera) => (
          <li key={camera.id} class="row" translate={false}>
            <Check
              label={camera.name}
              checked={ticked.includes(camera.id)}
              disabled={isFull && !ticked.includes(camera.id)}
              onChange={(isTicked) =>
                onTick(isTicked ? [...ticked, camera.id] : ticked.filter((id) => id !== camera.id))
              }
            />
            <Lamp camera={camera} />
          </li>
        ))}
      </ul>
      <p class="small muted" role="status">
        {found.length === 0 && say('noneFound')}
        {found.length > 0 && isFull && known.length > MOST_CAMERAS && say('full')}
      </p>
    </>
  );
}

function ChooseDialog({ onClose }: { onClose: () => void }) {
  const ticked = useSignal(laneIds.peek());
  const show = (event: SubmitEvent) => {
    event.preventDefault();
    const known = (cameras.peek() ?? []).map((camera) => camera.id);
    const isAll = known.length <= MOST_CAMERAS && known.every((id) => ticked.peek().includes(id));
    chooseCameras(isAll && asked.peek().length === 0 ? [] : ticked.peek());
    onClose();
  };
  return (
    <Dialog title={say('title')} onClose={onClose}>
      <form class="stack" onSubmit={show}>
        <Choices
          ticked={ticked.value}
          onTick={(ids) => {
            ticked.value = ids;
          }}
        />
        <div class="dialog-buttons">
          {ticked.value.length === 0 && <span class="error-text">{say('needed')}</span>}
          <Button type="submit" kind="main" disabled={ticked.value.length === 0}>
            {say('show')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

export function ChooseCameras() {
  const isOpen = useSignal(false);
  const all = cameras.value?.length ?? 0;
  return (
    <>
      <Button kind="quiet" icon="camera" onClick={() => (isOpen.value = true)}>
        {say('button', { n: chosen.value.length, all })}
      </Button>
      {isOpen.value && <ChooseDialog onClose={() => (isOpen.value = false)} />}
    </>
  );
}
