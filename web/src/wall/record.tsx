import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { knownTags } from '../api/sources';
import { cameras as allCameras, groups as allGroups, type Camera, cameraName, refresh, runningTags } from '../cameras';
import { me } from '../me';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Check, Field } from '../parts/field';
import { Refused } from '../parts/refused';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { coverOf } from './cover';
import { close } from './opened';
import { sectionsOf } from './sections';
import { type Refusal, startCameras } from './starting';
import { say } from './words';

/** The tags that are known, those that record now first. */
function useTags(): string[] {
  const [known, setKnown] = useState<string[]>([]);
  useEffect(() => {
    const breaker = new AbortController();
    // Only suggestions: without them the tag is typed.
    knownTags(breaker.signal).then(setKnown, () => undefined);
    return () => breaker.abort();
  }, []);
  return [...new Set([...runningTags.value, ...known])];
}

interface PickerProps {
  ids: number[];
  onPick: (ids: number[]) => void;
}

/** Cameras by group; ticking a group ticks its cameras, and a camera in two groups is ticked in both. */
function Picker({ ids, onPick }: PickerProps) {
  const wish = { words: '', shown: 'all', order: 'name', own: [], hidden: [] } as const;
  const sections = sectionsOf(allCameras.value ?? [], allGroups.value, { ...wish, own: [], hidden: [] });
  const set = (changed: number[], isOn: boolean) => {
    const others = ids.filter((id) => !changed.includes(id));
    onPick(isOn ? [...others, ...changed] : others);
  };
  return (
    <fieldset class="wall-picker">
      <legend>{say('whichCameras')}</legend>
      {sections.map(({ key, name, cameras }) => {
        const own = cameras.map((camera) => camera.id);
        return (
          <div key={key} class="wall-picker-group">
            <Check
              label={name ?? say('noGroup')}
              checked={own.every((id) => ids.includes(id))}
              onChange={(isOn) => set(own, isOn)}
            />
            <div class="wall-picker-cameras">
              {cameras.map((camera) => (
                <PickedCamera key={camera.id} camera={camera} ids={ids} onSet={set} />
              ))}
            </div>
          </div>
        );
      })}
    </fieldset>
  );
}

interface PickedProps {
  camera: Camera;
  ids: number[];
  onSet: (ids: number[], isOn: boolean) => void;
}

function PickedCamera({ camera: { id, name, tags }, ids, onSet }: PickedProps) {
  const isRecorded = tags.length > 0;
  return (
    <span class="wall-picked">
      <Check label={name} checked={ids.includes(id)} onChange={(isOn) => onSet([id], isOn)} />
      {isRecorded && (
        <small class="muted">{say('allRecorded', { tags: tags.map((tag) => tag.name).join(', ') })}</small>
      )}
    </span>
  );
}

function Refusals({ refusals }: { refusals: Refusal[] }) {
  if (!refusals.length) return null;
  return (
    <div class="notice" data-kind="danger" role="alert">
      <p>{say('refused')}</p>
      <ul>
        {refusals.map(({ id, why }) => (
          <li key={`${id} ${why.msg}`}>
            {id !== null && `${cameraName(id)}: `}
            <Refused entries={[why]} />
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What a tag is called that nobody has named: by the one camera, the one group, or the tag that records already. */
function wishedTag(ids: number[]): string {
  const only = ids.length === 1 && ids[0] !== undefined ? cameraName(ids[0]) : null;
  const { groups, rest } = coverOf(ids, allGroups.peek());
  const group = groups.length === 1 && rest.length === 0 ? groups[0]?.name : null;
  const isAll = ids.length > 0 && ids.length === allCameras.peek()?.length;
  return only ?? group ?? runningTags.peek()[0] ?? (isAll ? say('allTag') : '');
}

interface Trial {
  error: unknown;
  problem: 'noTag' | 'nothingChosen' | null;
  refusals: Refusal[];
}
const FRESH: Trial = { error: null, problem: null, refusals: [] };

/** Starts cameras under a tag, and tells how that went. */
function useStart() {
  const [isBusy, setBusy] = useState(false);
  const [trial, setTrial] = useState(FRESH);
  const start = async (tag: string, ids: number[]) => {
    if (!tag || !ids.length) return setTrial({ ...FRESH, problem: tag ? 'nothingChosen' : 'noTag' });
    setBusy(true);
    setTrial(FRESH);
    try {
      const chosen = (allCameras.peek() ?? []).filter((camera) => ids.includes(camera.id));
      const refusals = await startCameras(tag, chosen, allGroups.peek());
      if (refusals.length) return setTrial({ ...FRESH, refusals });
      toast(say('started', { tag }));
      close();
    } catch (error) {
      setTrial({ ...FRESH, error });
    } finally {
      setBusy(false);
      await refresh();
    }
  };
  return { isBusy, trial, start };
}

/** What the service, or the dialog itself, has against it. */
function Trouble({ trial: { error, problem, refusals }, ids }: { trial: Trial; ids: number[] }) {
  const isOfGroups = me.seesAll || coverOf(ids, allGroups.value).rest.length === 0;
  return (
    <>
      {problem === 'nothingChosen' && (
        <p class="error-text" role="alert">
          {say('nothingChosen')}
        </p>
      )}
      {!isOfGroups && <p class="notice">{say('wholeGroups')}</p>}
      <Refusals refusals={refusals} />
      <ErrorText error={error} />
    </>
  );
}

/** Asks under which tag and which cameras are to record, and starts them. */
export function RecordDialog({ ids: firstIds }: { ids: number[] }) {
  const [tag, setTag] = useState(() => wishedTag(firstIds));
  const [ids, setIds] = useState(firstIds);
  const { isBusy, trial, start } = useStart();
  const tags = useTags();
  const first = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => first.current?.select(), []); // before the first key
  const submit = (event: Event) => {
    event.preventDefault();
    void start(tag.trim(), ids);
  };
  return (
    <Dialog title={say('recordTitle')} onClose={close}>
      <form class="stack" onSubmit={submit}>
        <Field label={say('tag')} hint={say('tagHint')} error={trial.problem === 'noTag' ? say('noTag') : ''}>
          <input
            ref={first}
            value={tag}
            list="wall-tags"
            maxLength={255}
            onInput={(event) => setTag(event.currentTarget.value)}
          />
        </Field>
        <datalist id="wall-tags">
          {tags.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <Picker ids={ids} onPick={setIds} />
        <Trouble trial={trial} ids={ids} />
        <div class="dialog-buttons">
          <Button onClick={close}>{sayPart('cancel')}</Button>
          <Button kind="main" type="submit" icon="dot" disabled={isBusy}>
            {say('startNow')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
