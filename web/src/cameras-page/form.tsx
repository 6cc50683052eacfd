/** Adding and changing a camera: it is tried first, and then stored. */

import type { TargetedSubmitEvent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api/call';
import { groupsOf } from '../api/cameras';
import * as api from '../api/sources';
import { type Camera, camera as cameraOf, refresh } from '../cameras';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { Adding } from './adding';
import { split } from './addresses';
import { changesOf, type Draft, draftOf, EMPTY, inputOf, TRIED } from './draft';
import { FieldsOf } from './fields';
import { say } from './formwords';
import { sayFault } from './importwords';
import { start } from './recording';
import { addressFault, SCHEMES } from './rows';
import { TrialView, type Trying, useTrial } from './trial';

interface FormProps {
  /** The camera that is changed; null: a new one. */
  camera: Camera | null;
  /** What is known of a new one already. */
  begin?: Partial<Draft>;
  onClose: () => void;
}

/** What was said of a field; what is said of none stands below the form. */
const PLACED = ['uri_rtsp', 'uri', 'description', 'user', 'password', 'ffmpeg_cmd', 'auth'];

async function putIntoGroups(id: number, before: string[], wanted: string[]): Promise<void> {
  for (const one of wanted.filter((group) => !before.includes(group))) await api.addMember(one, id);
  for (const one of before.filter((group) => !wanted.includes(group))) await api.removeMember(one, id);
}

const namedNow = (id: number): string => cameraOf(id)?.name ?? `#${id}`;

/** Store what was changed of a camera; `before` is how the form was opened. */
async function change({ id }: Camera, before: Draft, draft: Draft): Promise<void> {
  await api.changeSource(id, changesOf(before, draft));
  await putIntoGroups(id, before.groupIds, draft.groupIds);
  await refresh();
  toast(say('saved', { name: namedNow(id) }));
}

/** A new camera; `madeId` where it is there since an attempt failed farther on. */
interface New {
  draft: Draft;
  madeId: number | null;
  adding: Adding;
}

/** Add a camera, or go on with the one that an earlier attempt has made. */
async function add({ draft, madeId, adding }: New, onMade: (id: number) => void): Promise<void> {
  const foundId = madeId ?? (await adding.find());
  const id = foundId ?? (await adding.add(draft));
  onMade(id);
  if (foundId !== null) {
    await api.changeSource(id, inputOf(draft, false));
    await refresh(); // what of the groups was done
  }
  await putIntoGroups(id, cameraOf(id)?.groupIds ?? [], draft.groupIds);
  await refresh();
  const name = namedNow(id);
  if (draft.isRecorded) await start(name, draft.model, [id]);
  toast(say(madeId === null && foundId !== null ? 'addedBefore' : 'added', { name }));
}

/** What is wrong with the address, in the reader's language; the service would say it in English. */
function wrongAddress({ address, model }: Draft): string {
  const { bare } = split(address);
  const found = addressFault(bare);
  if (found && found !== 'no_scheme') return sayFault(found, { text: bare });
  const schemes = SCHEMES[model];
  const isFitting = schemes.some((scheme) => bare.toLowerCase().startsWith(`${scheme}://`));
  return isFitting ? '' : say('scheme', { schemes: schemes.map((scheme) => `${scheme}://`).join(', ') });
}

function useForm({ camera, begin = {}, onClose }: FormProps) {
  const [before] = useState<Draft>(() => (camera ? draftOf(camera) : { ...EMPTY, ...begin }));
  const [draft, setDraft] = useState(before);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const [wrong, setWrong] = useState('');
  const [madeId, setMadeId] = useState<number | null>(null);
  const [adding] = useState(() => new Adding());
  const trying = useTrial();
  const edit = (part: Partial<Draft>) => {
    setDraft((before) => ({ ...before, ...part }));
    setError(null);
    setWrong('');
    if (Object.keys(part).some((key) => TRIED.some((name) => name === key))) trying.forget();
  };
  const guarded = async (act: () => Promise<unknown>) => {
    const found = wrongAddress(draft);
    setError(null);
    setWrong(found);
    if (found) return;
    try {
      await act();
    } catch (reason) {
      setError(reason);
    }
  };
  const knownId = camera?.id ?? madeId;
  const test = () => guarded(() => trying.run(inputOf(draft, knownId === null), knownId));
  const save = async () => {
    setBusy(true);
    await guarded(async () => {
      await (camera ? change(camera, before, draft) : add({ draft, madeId, adding }, setMadeId));
      onClose();
    });
    setBusy(false);
  };
  return { draft, change: edit, error, wrong, isBusy, isNew: knownId === null, trying, test, save };
}

function Buttons({ isNew, trying, isBusy, test, save }: ButtonsProps) {
  const { found, isRunning } = trying;
  const isGood = found !== null && found.reason === null;
  const isStill = isBusy || isRunning;
  const tested = say(found ? 'testAgain' : 'test');
  if (isGood) {
    return (
      <>
        <Button disabled={isStill} onClick={test}>
          {tested}
        </Button>
        <Button kind="main" type="submit" disabled={isStill}>
          {say(isNew ? 'add' : 'save')}
        </Button>
      </>
    );
  }
  return (
    <>
      <Button kind="main" type="submit" disabled={isStill}>
        {tested}
      </Button>
      <Button disabled={isStill} onClick={save}>
        {say(isNew ? 'addUntested' : 'save')}
      </Button>
    </>
  );
}

interface ButtonsProps {
  isNew: boolean;
  trying: Trying;
  isBusy: boolean;
  test: () => void;
  save: () => void;
}

function Groups({ draft, change }: { draft: Draft; change: (part: Partial<Draft>) => void }) {
  const [known, setKnown] = useState<api.Group[]>([]);
  const { model, groupIds } = draft;
  useEffect(() => {
    const asking = new AbortController();
    groupsOf(model, asking.signal).then(setKnown, () => setKnown([]));
    return () => asking.abort();
  }, [model]);
  if (!known.length) return null;
  return (
    <fieldset class="cameras-groups">
      <legend class="small">{say('groups')}</legend>
      {known.map(({ id, name }) => (
        <label key={id} class="check">
          <input
            type="checkbox"
            checked={groupIds.includes(id)}
            onChange={({ currentTarget: { checked } }) =>
              change({ groupIds: checked ? [...groupIds, id] : groupIds.filter((one) => one !== id) })
            }
          />
          {name}
        </label>
      ))}
    </fieldset>
  );
}

function More({ draft, change, error }: { draft: Draft; change: (part: Partial<Draft>) => void; error: unknown }) {
  const wrong = error instanceof ApiError ? error.of('ffmpeg_cmd') : [];
  return (
    <details open={wrong.length > 0}>
      <summary>{say('more')}</summary>
      <Field label={say('template')} hint={say('templateHint')} error={wrong}>
        <input
          class="code"
          value={draft.template}
          spellcheck={false}
          onInput={({ currentTarget: { value } }) => change({ template: value })}
        />
      </Field>
    </details>
  );
}

function Failure({ error }: { error: unknown }) {
  if (!(error instanceof ApiError && error.status === 429)) return <ErrorText error={error} placed={PLACED} />;
  return (
    <p class="error-text" role="alert">
      {say('tooMany')}
    </p>
  );
}

export function CameraForm(props: FormProps) {
  const { camera, onClose } = props;
  const { draft, change, error, wrong, isBusy, isNew, trying, test, save } = useForm(props);
  const isGood = trying.found !== null && trying.found.reason === null;
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    void (isGood ? save() : test());
  };
  return (
    <Dialog title={camera ? say('editTitle', { name: camera.name }) : say('addTitle')} onClose={onClose} isWide>
      <form class="cameras-form" noValidate onSubmit={submit}>
        <div class="stack">
          <FieldsOf draft={draft} change={change} error={error} wrong={wrong} isNew={isNew} />
          <Groups draft={draft} change={change} />
          <More draft={draft} change={change} error={error} />
          {camera === null && (
            <label class="check">
              <input
                type="checkbox"
                checked={draft.isRecorded}
                onChange={({ currentTarget: { checked } }) => change({ isRecorded: checked })}
              />
              {say('recorded')}
            </label>
          )}
        </div>
        <TrialView trying={trying} />
        <div class="cameras-wide">
          <Failure error={error} />
          <div class="dialog-buttons">
            <Button onClick={onClose}>{sayPart('cancel')}</Button>
            <Buttons isNew={isNew} trying={trying} isBusy={isBusy} test={test} save={save} />
          </div>
        </div>
      </form>
    </Dialog>
  );
}
