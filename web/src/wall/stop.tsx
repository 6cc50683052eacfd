import { useState } from 'preact/hooks';
import { stopRecording } from '../api/sources';
import { cameras as allCameras, refresh } from '../cameras';
import { Confirm } from '../parts/confirm';
import { Check } from '../parts/field';
import { toast } from '../parts/toasts';
import { close } from './opened';
import { say } from './words';

/** The cameras whose recording ends with these tags; `isToo`: nobody asked about that camera. */
function ending(tags: string[], ids: number[]) {
  return (allCameras.value ?? [])
    .filter((camera) => camera.tags.some(({ name }) => tags.includes(name)))
    .map(({ id, name }) => ({ id, name, isToo: ids.length > 0 && !ids.includes(id) }));
}

/** The tags under which any of these cameras record. */
function tagsOf(ids: number[]): string[] {
  const all = (allCameras.peek() ?? []).filter((camera) => ids.includes(camera.id));
  return [...new Set(all.flatMap((camera) => camera.tags.map(({ name }) => name)))];
}

function Ending({ tags, ids }: { tags: string[]; ids: number[] }) {
  const cameras = ending(tags, ids);
  return (
    <>
      <p>{say('stopQuestion', { n: cameras.length })}</p>
      <ul class="wall-ending">
        {cameras.map(({ id, name, isToo }) => (
          <li key={id}>
            {name}{' '}
            {isToo && (
              <span class="badge" data-kind="warning">
                {say('too')}
              </span>
            )}
          </li>
        ))}
      </ul>
      {cameras.some(({ isToo }) => isToo) && <p class="small muted">{say('stopOthers')}</p>}
    </>
  );
}

async function stop(tags: string[]): Promise<void> {
  try {
    for (const name of tags) {
      await stopRecording(name);
      toast(say('stopped', { tag: name }));
    }
  } finally {
    await refresh();
  }
}

function Which({ known, tags, onChange }: { known: string[]; tags: string[]; onChange: (tags: string[]) => void }) {
  if (known.length < 2) return null;
  return (
    <fieldset>
      <legend>{say('stopWhich')}</legend>
      {known.map((name) => (
        <Check
          key={name}
          label={name}
          checked={tags.includes(name)}
          onChange={(isOn) => onChange(isOn ? [...tags, name] : tags.filter((one) => one !== name))}
        />
      ))}
    </fieldset>
  );
}

/** Stops tags: one, or those of some cameras, of which some may be left out. Says first for whom recording ends. */
export function StopDialog({ tag, ids }: { tag: string | null; ids: number[] }) {
  const [known] = useState(() => (tag === null ? tagsOf(ids) : [tag]));
  const [tags, setTags] = useState(known);
  return (
    <Confirm
      title={say('stopTitle')}
      action={say('stopNow')}
      icon="stop"
      isIdle={tags.length === 0}
      act={() => stop(tags)}
      onClose={close}
    >
      {known.length === 0 && <p>{say('nothingToStop')}</p>}
      <Which known={known} tags={tags} onChange={setTags} />
      {known.length > 0 && <Ending tags={tags} ids={ids} />}
    </Confirm>
  );
}
