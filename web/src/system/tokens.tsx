/** Tokens of programs: one's own, and for an administrator those of everybody; below them share links. */

import { useState } from 'preact/hooks';
import { revokeToken, type Token, tokens } from '../api/people';
import { momentText } from '../instants';
import { may, mayConfigure, me } from '../me';
import { useAsked } from '../parts/asked';
import { Button } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { Check } from '../parts/field';
import { type Column, Table } from '../parts/table';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { changeQuery, route } from '../route';
import { areaText } from './areas';
import { SecretDialog } from './secret';
import { Badge, Loaded, When } from './shared';
import { Shares } from './shares';
import { TokenDialog } from './tokendialog';
import { say } from './tokenswords';
import { say as sayShared } from './words';

type Open =
  | { kind: 'make' }
  | { kind: 'revoke'; token: Token }
  | { kind: 'secret'; name: string; secret: string }
  | null;

function footageText(token: Token): string {
  if (token.begin_utc === null && token.end_utc === null) return say('anyFootage');
  const text = (utc: string | null) => (utc === null ? say('open') : momentText(Date.parse(utc)));
  return say('fromTo', { begin: text(token.begin_utc), end: text(token.end_utc) });
}

function stateOf(token: Token): 'active' | 'revoked' | 'ended' {
  if (token.is_active) return 'active';
  return token.revoked_utc === null ? 'ended' : 'revoked';
}

const accountColumn = (): Column<Token> => ({
  name: 'account',
  label: say('account'),
  cell: (one) => one.account,
  order: (one) => one.account,
});

/** What a token may do and see. */
const boundColumns = (): Column<Token>[] => [
  { name: 'role', label: sayShared('role'), cell: (one) => sayPart(one.role), order: (one) => one.role },
  {
    name: 'areas',
    label: say('areas'),
    cell: (one) => one.endpoints?.map(areaText).join(', ') ?? <span class="muted">{say('allAreas')}</span>,
  },
  {
    name: 'sees',
    label: say('sees'),
    cell: (one) =>
      one.source_ids ? say('nCameras', { n: one.source_ids.length }) : <span class="muted">{say('allOfAccount')}</span>,
  },
  { name: 'footage', label: say('footage'), cell: footageText },
];

const columnsOf = (isOfAll: boolean, open: (what: Open) => void): Column<Token>[] => [
  { name: 'name', label: sayShared('name'), cell: (one) => <strong>{one.name}</strong>, order: (one) => one.name },
  ...(isOfAll ? [accountColumn()] : []),
  ...boundColumns(),
  {
    name: 'expires',
    label: say('expires'),
    cell: (one) => <When utc={one.expires_utc} />,
    order: (one) => one.expires_utc,
  },
  {
    name: 'used',
    label: say('lastUsed'),
    cell: (one) => <When utc={one.last_used_utc} />,
    order: (one) => one.last_used_utc,
  },
  {
    name: 'state',
    label: say('state'),
    cell: (one) => <Badge kind={one.is_active ? 'good' : undefined}>{say(stateOf(one))}</Badge>,
    order: stateOf,
  },
  {
    name: 'actions',
    label: sayShared('actions'),
    cell: (token) =>
      token.is_active && (
        <Button
          kind="quiet"
          aria-label={`${say('revoke')}: ${token.name}`}
          onClick={() => open({ kind: 'revoke', token })}
        >
          {say('revoke')}
        </Button>
      ),
  },
];

function Shown({ shown, open, again }: { shown: Open; open: (what: Open) => void; again: () => void }) {
  const close = () => open(null);
  if (shown?.kind === 'secret')
    return (
      <SecretDialog
        title={say('made', { name: shown.name })}
        text={say('madeText')}
        secret={shown.secret}
        onClose={close}
      />
    );
  if (shown?.kind === 'make')
    return (
      <TokenDialog
        onClose={close}
        onMade={({ name, token, account }) => {
          if (account !== me.name) changeQuery({ of: 'all' }); // else it would not be seen in the list
          again();
          open({ kind: 'secret', name, secret: token });
        }}
      />
    );
  if (shown?.kind !== 'revoke') return null;
  const { id, name } = shown.token;
  return (
    <Confirm
      title={say('titleRevoke', { name })}
      action={say('actRevoke', { name })}
      act={() => revokeToken(id)}
      onClose={close}
      onDone={() => {
        toast(say('nowRevoked', { name }));
        again();
      }}
    >
      <p>{say('textRevoke')}</p>
    </Confirm>
  );
}

function Head({ isOfAll, onMake }: { isOfAll: boolean; onMake: () => void }) {
  return (
    <div class="row">
      <h2>{say(isOfAll ? 'all' : 'own')}</h2>
      <span class="spring" />
      {mayConfigure && (
        <Check
          label={say('showAll')}
          checked={isOfAll}
          onChange={(isAll) => changeQuery({ of: isAll ? 'all' : null })}
        />
      )}
      <Button kind="main" icon="plus" onClick={onMake}>
        {say('add')}
      </Button>
    </div>
  );
}

export function TokensTab() {
  const isOfAll = mayConfigure && route.value.query.get('of') === 'all';
  const asked = useAsked((signal) => tokens(isOfAll, signal), String(isOfAll));
  const [shown, setShown] = useState<Open>(null);
  return (
    <>
      <section class="panel stack">
        <Head isOfAll={isOfAll} onMake={() => setShown({ kind: 'make' })} />
        <p class="small muted">{say('about')}</p>
        <Loaded asked={asked}>
          {(list) =>
            list.length ? (
              <Table
                caption={say(isOfAll ? 'all' : 'own')}
                columns={columnsOf(isOfAll, setShown)}
                rows={list}
                keyOf={(one) => one.id}
              />
            ) : (
              <p class="muted">{say('none')}</p>
            )
          }
        </Loaded>
        <Shown shown={shown} open={setShown} again={asked.again} />
      </section>
      {may('operator') && <Shares />}
    </>
  );
}
