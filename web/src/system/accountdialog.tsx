/** The form of an account: its role, and the cameras that it may see. */

import { useState } from 'preact/hooks';
import { ApiError } from '../api/call';
import { type Account, addAccount, changeAccount, type MadeAccount, type NewAccount, type Rights } from '../api/people';
import type { Role } from '../me';
import { Field } from '../parts/field';
import { FormDialog } from '../parts/formdialog';
import { ErrorText } from '../parts/shown';
import { say as sayPart } from '../parts/words';
import { RightsFields } from './rights';
import { say } from './userswords';
import { say as sayShared } from './words';

const ROLES: Role[] = ['viewer', 'operator', 'admin'];

function RoleField({ role, onChange }: { role: Role; onChange: (role: Role) => void }) {
  return (
    <Field label={sayShared('role')} hint={sayShared('roles')}>
      <select value={role} onChange={(event) => onChange(event.currentTarget.value as Role)}>
        {ROLES.map((one) => (
          <option key={one} value={one}>
            {sayPart(one)}
          </option>
        ))}
      </select>
    </Field>
  );
}

interface AccountDialogProps {
  /** Null: a new one. */
  account: Account | null;
  onClose: () => void;
  onSaved: (account: Account, password: string | null) => void;
}

/** What is sent of the cameras: with all of them none is named. */
const sent = (rights: Rights): Rights => (rights.sees_all ? { sees_all: true, source_ids: [], group_ids: [] } : rights);

function NewFields({
  name,
  password,
  onName,
  onPassword,
  error,
}: {
  name: string;
  password: string;
  onName: (text: string) => void;
  onPassword: (text: string) => void;
  error: unknown;
}) {
  const wrong = (field: string) => (error instanceof ApiError ? error.of(field) : []);
  return (
    <>
      <Field label={sayShared('name')} error={wrong('name')}>
        <input
          required
          maxLength={255}
          autocomplete="off"
          spellcheck={false}
          value={name}
          onInput={(event) => onName(event.currentTarget.value)}
        />
      </Field>
      <Field label={say('password')} hint={say('passwordHint')} error={wrong('password')}>
        <input
          type="password"
          maxLength={256}
          autocomplete="new-password"
          value={password}
          onInput={(event) => onPassword(event.currentTarget.value)}
        />
      </Field>
    </>
  );
}

export function AccountDialog({ account, onClose, onSaved }: AccountDialogProps) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>(account?.role ?? 'viewer');
  const [rights, setRights] = useState<Rights>({
    sees_all: account?.sees_all ?? true,
    source_ids: account?.source_ids ?? [],
    group_ids: account?.group_ids ?? [],
  });
  const store = (): Promise<Account | MadeAccount> => {
    if (account) return changeAccount(account.id, { role, ...sent(rights) });
    const made: NewAccount = { name, role, ...sent(rights), ...(password && { password }) };
    return addAccount(made);
  };
  const save = async () => {
    const saved = await store();
    onSaved(saved, 'password' in saved ? saved.password : null);
  };
  return (
    <FormDialog
      title={account ? say('titleEdit', { name: account.name }) : say('titleAdd')}
      save={save}
      onClose={onClose}
    >
      {(error) => (
        <>
          {!account && (
            <NewFields name={name} password={password} onName={setName} onPassword={setPassword} error={error} />
          )}
          <RoleField role={role} onChange={setRole} />
          <RightsFields rights={rights} onChange={setRights} />
          <ErrorText error={error} placed={account ? [] : ['name', 'password']} />
        </>
      )}
    </FormDialog>
  );
}
