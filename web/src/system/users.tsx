/** Users: who may sign in, what each may do and see, and what an administrator does for them. */

import { useState } from 'preact/hooks';
import {
  type Account,
  accounts,
  changeAccount,
  deactivate,
  endSessions,
  resetPassword,
  takeTotpAway,
} from '../api/people';
import { numberText } from '../instants';
import { useAsked } from '../parts/asked';
import { Button } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { ErrorText } from '../parts/shown';
import { type Column, Table } from '../parts/table';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { AccountDialog } from './accountdialog';
import { SecretDialog } from './secret';
import { Badge, Loaded, When } from './shared';
import { say } from './userswords';
import { say as sayShared } from './words';

type Act = 'reset' | 'end' | 'totp' | 'off';
type Open =
  | { kind: 'edit'; account: Account | null }
  | { kind: Act; account: Account }
  | { kind: 'secret'; title: string; name: string; secret: string }
  | null;

/** The words of the question before each act, and what is said once it is done. */
const ASKS = {
  reset: { title: 'titleReset', text: 'textReset', action: 'actReset', done: 'saved' },
  end: { title: 'titleEnd', text: 'textEnd', action: 'actEnd', done: 'ended' },
  totp: { title: 'titleTotp', text: 'textTotp', action: 'actTotp', done: 'codeOff' },
  off: { title: 'titleOff', text: 'textOff', action: 'actOff', done: 'nowOff' },
} as const satisfies Record<Act, Record<string, Parameters<typeof say>[0]>>;

function seesText(account: Account): string {
  if (account.sees_all) return say('all');
  const cameras = say('nCameras', { n: account.source_ids.length });
  if (!account.group_ids.length) return cameras;
  return say('some', { cameras, groups: say('nGroups', { n: account.group_ids.length }) });
}

function State({ account }: { account: Account }) {
  if (!account.is_active) return <Badge>{say('off')}</Badge>;
  return (
    <span class="row">
      <Badge kind="good">{say('active')}</Badge>
      {!account.has_password && <Badge kind="warning">{say('noPassword')}</Badge>}
      {account.is_once && account.has_password && <Badge kind="warning">{say('once')}</Badge>}
    </span>
  );
}

interface ActionsProps {
  account: Account;
  open: (what: Open) => void;
  onActivate: (account: Account) => void;
}

function Actions({ account, open, onActivate }: ActionsProps) {
  const of = (text: string) => `${text}: ${account.name}`;
  const act = (kind: Act, text: string) => (
    <Button kind="quiet" aria-label={of(text)} onClick={() => open({ kind, account })}>
      {text}
    </Button>
  );
  if (!account.is_active)
    return (
      <Button aria-label={of(say('activate'))} onClick={() => onActivate(account)}>
        {say('activate')}
      </Button>
    );
  return (
    <span class="row">
      <Button aria-label={of(say('edit'))} onClick={() => open({ kind: 'edit', account })}>
        {say('edit')}
      </Button>
      {act('reset', say('reset'))}
      {account.sessions > 0 && act('end', say('end'))}
      {account.has_totp && act('totp', say('totp'))}
      {act('off', say('deactivate'))}
    </span>
  );
}

const columnsOf = (open: (what: Open) => void, onActivate: (account: Account) => void): Column<Account>[] => [
  { name: 'name', label: sayShared('name'), cell: (one) => <strong>{one.name}</strong>, order: (one) => one.name },
  { name: 'role', label: sayShared('role'), cell: (one) => sayPart(one.role), order: (one) => one.role },
  { name: 'sees', label: say('sees'), cell: seesText, order: seesText },
  {
    name: 'state',
    label: say('state'),
    cell: (one) => <State account={one} />,
    order: (one) => Number(!one.is_active),
  },
  {
    name: 'code',
    label: say('code'),
    cell: (one) =>
      one.has_totp ? <Badge kind="good">{say('hasCode')}</Badge> : <span class="muted">{say('noCode')}</span>,
    order: (one) => Number(!one.has_totp),
  },
  {
    name: 'last',
    label: say('lastSignIn'),
    cell: (one) => <When utc={one.last_sign_in_utc} />,
    order: (one) => one.last_sign_in_utc,
  },
  { name: 'sessions', label: say('sessions'), cell: (one) => numberText(one.sessions), order: (one) => one.sessions },
  {
    name: 'actions',
    label: sayShared('actions'),
    cell: (one) => <Actions account={one} open={open} onActivate={onActivate} />,
  },
];

const DOING: Record<Exclude<Act, 'reset'>, (id: string) => Promise<Account>> = {
  end: endSessions,
  totp: takeTotpAway,
  off: deactivate,
};

interface ShownProps {
  shown: Open;
  open: (what: Open) => void;
  again: () => void;
}

interface AskedProps {
  shown: Extract<Open, { kind: keyof typeof ASKS }>;
  onClose: (made: string | null) => void;
  again: () => void;
}

/** Asks before something is done to an account; a new password is told when it closes. */
function Asked({ shown: { kind, account }, onClose, again }: AskedProps) {
  const { name } = account;
  const words = ASKS[kind];
  let made: string | null = null;
  const act = async () => {
    if (kind === 'reset') made = (await resetPassword(account.id)).password;
    else await DOING[kind](account.id);
  };
  return (
    <Confirm
      title={say(words.title, { name })}
      action={say(words.action, { name })}
      act={act}
      onClose={() => onClose(made)}
      onDone={() => {
        toast(say(words.done, { name }));
        again();
      }}
    >
      <p>{say(words.text, { name })}</p>
    </Confirm>
  );
}

/** The dialog that is open. */
function Shown({ shown, open, again }: ShownProps) {
  const close = () => open(null);
  if (!shown) return null;
  if (shown.kind === 'secret')
    return (
      <SecretDialog
        title={shown.title}
        text={say('madeText', { name: shown.name })}
        secret={shown.secret}
        onClose={close}
      />
    );
  const tell = (title: string, name: string, secret: string | null) =>
    open(secret === null ? null : { kind: 'secret', title, name, secret });
  if (shown.kind === 'edit')
    return (
      <AccountDialog
        account={shown.account}
        onClose={close}
        onSaved={({ name }, password) => {
          toast(say(shown.account ? 'saved' : 'added', { name }));
          again();
          tell(say('made', { name }), name, password);
        }}
      />
    );
  const { name } = shown.account;
  return <Asked shown={shown} onClose={(made) => tell(say('newFor', { name }), name, made)} again={again} />;
}

function Head({ onAdd }: { onAdd: () => void }) {
  return (
    <>
      <div class="row">
        <h2>{say('people')}</h2>
        <span class="spring" />
        <Button kind="main" icon="plus" onClick={onAdd}>
          {say('add')}
        </Button>
      </div>
      <p class="small muted">
        {sayShared('roles')}. {say('own')}: <a href="/account">{say('ownLink')}</a>
      </p>
    </>
  );
}

export function UsersTab() {
  const asked = useAsked(accounts);
  const [shown, setShown] = useState<Open>(null);
  const [error, setError] = useState<unknown>(null);
  const activate = async (account: Account) => {
    try {
      await changeAccount(account.id, { is_active: true });
      setError(null);
      toast(say('nowOn', { name: account.name }));
      asked.again();
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <section class="panel stack">
      <Head onAdd={() => setShown({ kind: 'edit', account: null })} />
      <ErrorText error={error} />
      <Loaded asked={asked}>
        {(list) => (
          <Table
            caption={say('people')}
            columns={columnsOf(setShown, (account) => void activate(account))}
            rows={list}
            keyOf={(one) => one.id}
          />
        )}
      </Loaded>
      <Shown shown={shown} open={setShown} again={asked.again} />
    </section>
  );
}
