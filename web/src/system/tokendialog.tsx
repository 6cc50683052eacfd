/** The form of a new token: what it may do, of which cameras and which footage, and until when. */

import { useState } from 'preact/hooks';
import { ApiError, type Detail } from '../api/call';
import { type Account, accounts, addToken, type MadeToken, type NewToken, type Rights } from '../api/people';
import { isoOf, zoneName } from '../instants';
import { may, mayConfigure, me, type Role } from '../me';
import { useAsked } from '../parts/asked';
import { Check, Field } from '../parts/field';
import { FormDialog } from '../parts/formdialog';
import { Refused } from '../parts/refused';
import { ErrorText } from '../parts/shown';
import { say as sayPart } from '../parts/words';
import { instantOf } from '../wallclock';
import { areaText } from './areas';
import { RightsFields } from './rights';
import { say } from './tokenswords';
import { say as sayShared } from './words';

type TokenRole = Role | 'analyser';
const ROLES: TokenRole[] = ['viewer', 'operator', 'admin', 'analyser'];
/** The words of the table of who may do what (app/access/rules.py), those that tokens are bounded by most. */
const AREAS = [
  ...[
    'source',
    'live',
    'playback',
    'record',
    'group',
    'export',
    'pin',
    'share',
    'files',
    'events',
    'results',
    'review',
  ],
  ...['storage', 'retention', 'metrics', 'audit', 'sync', 'token', 'account', 'accounts', 'deletion', 'docs'],
] as const;

interface Form {
  /** Empty: one's own. */
  account: string;
  name: string;
  role: TokenRole;
  areas: string[];
  rights: Rights;
  begin: string;
  end: string;
  expires: string;
}
const EMPTY: Form = {
  account: '',
  name: '',
  role: 'viewer',
  areas: [],
  rights: { sees_all: true, source_ids: [], group_ids: [] },
  begin: '',
  end: '',
  expires: '',
};

function sent(form: Form): NewToken {
  const instant = (text: string) => {
    const ms = instantOf(text, zoneName());
    return ms === null ? null : isoOf(ms);
  };
  const [begin, end, expires] = [form.begin, form.end, form.expires].map(instant);
  return {
    name: form.name,
    role: form.role,
    ...(form.account && { account: form.account }),
    ...(form.areas.length && { endpoints: form.areas }),
    ...(!form.rights.sees_all && { source_ids: form.rights.source_ids }),
    ...(begin && { begin }),
    ...(end && { end }),
    ...(expires && { expires }),
  };
}

interface PartProps {
  form: Form;
  change: (change: Partial<Form>) => void;
  wrong: (field: string) => Detail[];
}

/** Whether one has signed in to an account, which a token can be of. */
const HAS_OWN = me.how === 'cookie';

const mayHold = (account: Account | undefined, role: TokenRole): boolean =>
  !account || ROLES.indexOf(account.role) >= ROLES.indexOf(role === 'analyser' ? 'operator' : role);

/** Whose token it is to be; accounts that are not used any more are left out. */
function AccountField({ form, change, wrong, list }: PartProps & { list: Account[] }) {
  return (
    <Field label={say('account')} hint={say('accountHint')} error={wrong('account')}>
      <select
        required={!HAS_OWN}
        value={form.account}
        onChange={({ currentTarget: { value } }) => {
          const chosen = list.find(({ name }) => name === value);
          change({ account: value, ...(!mayHold(chosen, form.role) && chosen && { role: chosen.role }) });
        }}
      >
        <option value="">{HAS_OWN ? say('ownAccount', { name: me.name }) : ''}</option>
        {list.map(({ id, name, role }) => (
          <option key={id} value={name}>
            {`${name} · ${sayPart(role)}`}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** The accounts that one may make tokens for, beside one's own. Who may not has none; what fails is said by `error`. */
function useOthers() {
  const load = (signal: AbortSignal) => (mayConfigure ? accounts(signal) : Promise.resolve([]));
  const { value, error } = useAsked(load);
  return { list: (value ?? []).filter(({ name, is_active }) => is_active && name !== me.name), error };
}

function Times({ form, change, wrong }: PartProps) {
  const field = (name: 'begin' | 'end' | 'expires', label: string, hint: string) => (
    <Field label={label} hint={hint} error={wrong(name)}>
      <input
        type="datetime-local"
        step="1"
        value={form[name]}
        onInput={(event) => change({ [name]: event.currentTarget.value })}
      />
    </Field>
  );
  return (
    <div class="system-form">
      {field('expires', say('expiresField'), say('expiresHint'))}
      {field('begin', say('begin'), say('windowHint'))}
      {field('end', say('end'), '')}
    </div>
  );
}

function Areas({ form, change, wrong }: PartProps) {
  const toggle = (area: string, isIn: boolean) =>
    change({ areas: isIn ? [...form.areas, area] : form.areas.filter((one) => one !== area) });
  return (
    <details>
      <summary>
        {say('areas')}: {form.areas.join(', ') || say('allAreas')}
      </summary>
      <p class="small muted">{say('areasHint')}</p>
      <fieldset class="system-checks">
        <legend class="unseen">{say('areas')}</legend>
        {AREAS.map((area) => (
          <Check
            key={area}
            label={areaText(area)}
            checked={form.areas.includes(area)}
            onChange={(isIn) => toggle(area, isIn)}
          />
        ))}
      </fieldset>
      <p class="error-text" role="alert">
        <Refused entries={wrong('endpoints')} isAtField />
      </p>
    </details>
  );
}

/** At most one's own role, and that of the account. */
function RoleField({ form, change, wrong, account }: PartProps & { account: Account | undefined }) {
  const roles = ROLES.filter((role) => may(role === 'analyser' ? 'operator' : role) && mayHold(account, role));
  return (
    <Field label={sayShared('role')} hint={say('roleHint')} error={wrong('role')}>
      <select value={form.role} onChange={(event) => change({ role: event.currentTarget.value as TokenRole })}>
        {roles.map((role) => (
          <option key={role} value={role}>
            {sayPart(role)}
          </option>
        ))}
      </select>
    </Field>
  );
}

function NameField({ form, change, wrong }: PartProps) {
  return (
    <Field label={sayShared('name')} hint={say('nameHint')} error={wrong('name')}>
      <input
        required
        maxLength={255}
        autocomplete="off"
        value={form.name}
        onInput={(event) => change({ name: event.currentTarget.value })}
      />
    </Field>
  );
}

const PLACED = ['name', 'role', 'endpoints', 'expires', 'begin', 'end'];

function Fields({ form, change, error }: { form: Form; change: (changed: Partial<Form>) => void; error: unknown }) {
  const wrong = (field: string) => (error instanceof ApiError ? error.of(field) : []);
  const { list, error: lost } = useOthers();
  const part = { form, change, wrong };
  return (
    <>
      <NameField {...part} />
      {list.length > 0 && <AccountField {...part} list={list} />}
      <ErrorText error={lost} />
      <RoleField {...part} account={list.find(({ name }) => name === form.account)} />
      <Areas {...part} />
      <RightsFields
        rights={form.rights}
        onChange={(rights) => change({ rights })}
        hasGroups={false}
        allLabel={say('allOfAccount')}
      />
      <Times {...part} />
      <ErrorText error={error} placed={list.length > 0 ? [...PLACED, 'account'] : PLACED} />
    </>
  );
}

export function TokenDialog({ onClose, onMade }: { onClose: () => void; onMade: (made: MadeToken) => void }) {
  const [form, setForm] = useState(EMPTY);
  const change = (changed: Partial<Form>) => setForm((before) => ({ ...before, ...changed }));
  const save = async () => onMade(await addToken(sent(form)));
  return (
    <FormDialog title={say('title')} action={say('make')} save={save} onClose={onClose}>
      {(error) => <Fields form={form} change={change} error={error} />}
    </FormDialog>
  );
}
