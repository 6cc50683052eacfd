/** The fields of a camera: what it is, where it is, and who signs in there. */
import { ApiError } from '../api/call';
import type { Model } from '../api/sources';
import { Field } from '../parts/field';
import { MASK } from './addresses';
import type { Draft } from './draft';
import { say } from './formwords';
import { addressAt, hostOf, MAKERS } from './makers';

interface FieldsProps {
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  error: unknown;
  /** What is wrong with the address before the service is asked. */
  wrong: string;
  isNew: boolean;
}

const MODELS: Model[] = ['Source', 'PictureSource'];
const EXAMPLES: Record<Model, string> = {
  Source: 'rtsp://192.168.1.10:554/stream1',
  PictureSource: 'http://192.168.1.10/still.jpg',
};

function Kind({ draft, change, isNew }: FieldsProps) {
  return (
    <fieldset class="cameras-kind">
      <legend class="small">{say('kind')}</legend>
      {MODELS.map((model) => (
        <label key={model} class="check">
          <input
            type="radio"
            name="model"
            checked={draft.model === model}
            disabled={!isNew}
            onChange={() => change({ model, groupIds: [] })}
          />
          {say(model)}
        </label>
      ))}
    </fieldset>
  );
}

/** The usual paths of makers, for the host that is typed already. */
function Maker({ draft, change }: FieldsProps) {
  const host = hostOf(draft.address);
  const chosen = MAKERS.find((maker) => host && addressAt(host, maker) === draft.address.trim());
  return (
    <Field label={say('maker')}>
      <select
        value={chosen?.name ?? ''}
        onChange={({ currentTarget: { value } }) => {
          const maker = MAKERS.find(({ name }) => name === value);
          if (maker) change({ address: addressAt(host || '192.168.1.10', maker) });
        }}
      >
        <option value="">{say('makerNone')}</option>
        {MAKERS.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </Field>
  );
}

function AuthField({ draft, change, said }: Pick<FieldsProps, 'draft' | 'change'> & { said: ApiError | null }) {
  return (
    <Field label={say('auth')} error={said?.of('auth') ?? ''}>
      <select
        value={draft.auth}
        onChange={({ currentTarget: { value } }) => change({ auth: value === 'basic' ? 'basic' : 'digest' })}
      >
        <option value="digest">Digest</option>
        <option value="basic">Basic</option>
      </select>
    </Field>
  );
}

function Login({ draft, change, error, isNew }: FieldsProps) {
  const said = error instanceof ApiError ? error : null;
  const isMoved = said?.has('masked_password') ?? false;
  return (
    <>
      <div class="cameras-pair">
        <Field label={say('user')} error={said?.of('user') ?? ''}>
          <input
            value={draft.user}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            onInput={({ currentTarget: { value } }) => change({ user: value })}
          />
        </Field>
        <Field
          label={say('password')}
          hint={!isNew && draft.password === MASK && !isMoved ? say('kept') : ''}
          error={isMoved ? say('keptElsewhere') : (said?.of('password') ?? '')}
        >
          <input
            type="password"
            value={draft.password}
            autocomplete="new-password"
            onFocus={({ currentTarget }) => currentTarget.select()}
            onInput={({ currentTarget: { value } }) => change({ password: value })}
          />
        </Field>
      </div>
      {draft.model === 'PictureSource' && <AuthField draft={draft} change={change} said={said} />}
    </>
  );
}

export function FieldsOf(props: FieldsProps) {
  const { draft, change, error, wrong } = props;
  const said = error instanceof ApiError && !error.has('masked_password') ? error : null;
  const isStream = draft.model === 'Source';
  return (
    <>
      <Kind {...props} />
      <Field label={say('name')} hint={say('nameHint')} error={said?.of('description') ?? ''}>
        <input
          value={draft.name}
          autocomplete="off"
          onInput={({ currentTarget: { value } }) => change({ name: value })}
        />
      </Field>
      <Field
        label={say(isStream ? 'streamAddress' : 'pictureAddress')}
        hint={say('addressHint', { example: EXAMPLES[draft.model] })}
        error={wrong || (said?.of(isStream ? 'uri_rtsp' : 'uri') ?? '')}
      >
        <input
          class="code"
          inputmode="url"
          value={draft.address}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          onInput={({ currentTarget: { value } }) => change({ address: value })}
        />
      </Field>
      {isStream && <Maker {...props} />}
      <Login {...props} />
    </>
  );
}
