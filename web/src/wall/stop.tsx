import { useState } from 'preact/hooks';
import { stopRecording } from '../api/sources';
import { cameras as allCameras, refresh } from '../cameras';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Check } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
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

/** Stops tags, and tells how that went. */
function useStop() {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const stop = async (tags: string[]) => {
    setBusy(true);
    try {
      for (const name of tags) {
        await stopRecording(name);
        toast(say('stopped', { tag: name }));
      }
      close();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
      await refresh();
    }
  };
  return { error, isBusy, stop };
}

/** Stops tags: one, or those of some cameras, of which some may be left out. Says first for whom recording ends. */
export function StopDialog({ tag, ids }: { tag: string | null; ids: number[] }) {
  const [known] = useState(() => (tag === null ? tagsOf(ids) : [tag]));
  const [tags, setTags] = useState(known);
  const { error, isBusy, stop } = useStop();
  return (
    <Dialog title={say('stopTitle')} onClose={close}>
      <div class="stack">
        {known.length === 0 && <p>{say('nothingToStop')}</p>}
        {known.length > 1 && (
          <fieldset>
            <legend>{say('stopWhich')}</legend>
            {known.map((name) => (
              <Check
                key={name}
                label={name}
                checked={tags.includes(name)}
                onChange={(isOn) => setTags(isOn ? [...tags, name] : tags.filter((one) => one !== name))}
              />
            ))}
          </fieldset>
        )}
        {known.length > 0 && <Ending tags={tags} ids={ids} />}
        <ErrorText error={error} />
        <div class="dialog-buttons">
          <Button onClick={close}>{sayPart('cancel')}</Button>
          <Button kind="danger" icon="stop" disabled={isBusy || tags.length === 0} onClick={() => void stop(tags)}>
            {say('stopNow')}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
