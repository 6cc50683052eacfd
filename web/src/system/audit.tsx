/** The audit log: who did what and who watched, filtered, page by page, and how far its chain is sealed. */
import type { TargetedSubmitEvent } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';
import { type Act, actsAddress, actsAt } from '../api/people';
import { health, type ServiceHealth } from '../api/system';
import { cameraName, cameras } from '../cameras';
import { isoOf, momentText, zoneName } from '../instants';
import { useAsked } from '../parts/asked';
import { Button } from '../parts/button';
import { CameraField } from '../parts/camerafield';
import { Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { type Column, Table } from '../parts/table';
import { changeQuery, route } from '../route';
import { instantOf } from '../wallclock';
import { actText, sayHow } from './auditacts';
import { Detail } from './auditdetail';
import { say } from './auditwords';
import { Loaded } from './shared';

const EVERY_MS = 15_000;
const FILTERS = ['actor', 'action', 'subject', 'source', 'from', 'to'] as const;
type Filters = Record<(typeof FILTERS)[number], string>;
/** Kinds of acts: `pin.` is all of pins. */
const ACTIONS = [
  ...['watch', 'account.', 'token.', 'share.', 'pin.', 'retention.', 'source.', 'group.', 'record.', 'export'],
  ...['download', 'file.', 'sync.', 'schedule.', 'fsck.'],
];

const filtersOf = (query: URLSearchParams): Filters =>
  Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ''])) as Filters;

function addressOf(filters: Filters): string {
  const instant = (text: string) => {
    const ms = instantOf(text, zoneName());
    return ms === null ? null : isoOf(ms);
  };
  return actsAddress({
    actor: filters.actor || null,
    action: filters.action || null,
    subject: filters.subject || null,
    source_id: filters.source || null,
    begin: instant(filters.from),
    end: instant(filters.to),
  });
}

function Chain() {
  const asked = useAsked(health, '', EVERY_MS);
  const stateText = ({
    position,
    sealed_utc: sealed,
    unsealed,
    anchored_utc: anchored,
  }: NonNullable<ServiceHealth['audit']>) =>
    [
      sealed && say('sealed', { n: position, time: momentText(Date.parse(sealed)) }),
      unsealed ? say('unsealed', { n: unsealed }) : say('allSealed'),
      anchored ? say('anchored', { time: momentText(Date.parse(anchored)) }) : say('notAnchored'),
    ]
      .filter(Boolean)
      .join('; ');
  return (
    <Loaded asked={asked}>
      {({ service }) =>
        service?.audit && (
          <p class="small" data-position={service.audit.position}>
            {say('chain')}: {stateText(service.audit)}.
          </p>
        )
      }
    </Loaded>
  );
}

function Actions() {
  return (
    <datalist id="system-actions">
      {ACTIONS.map((action) => (
        <option key={action} value={action} label={actText(action.replace('.', '')) ?? action} />
      ))}
    </datalist>
  );
}

function FilterForm({ filters }: { filters: Filters }) {
  const [typed, setTyped] = useState(filters);
  const key = FILTERS.map((name) => filters[name]).join('\n');
  useLayoutEffect(() => setTyped(filters), [key]); // at once: later it would take back what was typed meanwhile
  const show = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    changeQuery(typed, { replace: false });
  };
  const choose = (source: string) => setTyped({ ...typed, source });
  const text = (name: Exclude<keyof Filters, 'source'>, more: object = {}) => (
    <Field label={say(name)}>
      <input
        {...more}
        value={typed[name]}
        onInput={(event) => setTyped({ ...typed, [name]: event.currentTarget.value })}
      />
    </Field>
  );
  const time = { type: 'datetime-local', step: '1' };
  return (
    <form class="row system-line" onSubmit={show}>
      {text('actor')}
      {text('action', { list: 'system-actions', placeholder: say('anyAction') })}
      <Actions />
      {text('subject')}
      <CameraField cameras={cameras.value ?? []} value={typed.source} none={say('anyCamera')} onChoose={choose} />
      {text('from', time)}
      {text('to', time)}
      <Button kind="main" type="submit">
        {say('filter')}
      </Button>
      <Button onClick={() => changeQuery({ ...EMPTY, action: 'watch' }, { replace: false })}>{say('watched')}</Button>
      <Button kind="quiet" onClick={() => changeQuery(EMPTY, { replace: false })}>
        {say('clear')}
      </Button>
    </form>
  );
}
const EMPTY: Filters = { actor: '', action: '', subject: '', source: '', from: '', to: '' };

function Did({ action }: { action: string }) {
  const text = actText(action);
  return (
    <>
      {text}
      <code class={text === null ? '' : 'small muted system-detail'} translate={false}>
        {action}
      </code>
    </>
  );
}

const columns = (): Column<Act>[] => [
  {
    name: 'at',
    label: say('at'),
    cell: (act) => <time dateTime={act.at_utc}>{momentText(Date.parse(act.at_utc))}</time>,
    order: (act) => act.id,
  },
  {
    name: 'actor',
    label: say('actor'),
    cell: (act) => (
      <>
        <strong>{act.actor}</strong>
        {act.address && (
          <span class="small muted system-detail">
            {act.how && act.how !== 'nothing'
              ? say('by', { how: sayHow(act.how) ?? act.how, address: act.address })
              : act.address}
          </span>
        )}
      </>
    ),
    order: (act) => act.actor,
  },
  { name: 'action', label: say('action'), cell: (act) => <Did action={act.action} />, order: (act) => act.action },
  {
    name: 'subject',
    label: say('subject'),
    cell: (act) => <span class="code small">{act.subject}</span>,
    order: (act) => act.subject,
  },
  {
    name: 'camera',
    label: say('camera'),
    cell: (act) => (act.source_id === null ? '–' : cameraName(act.source_id)),
    order: (act) => act.source_id,
  },
  { name: 'detail', label: say('detail'), cell: (act) => <Detail detail={act.detail} /> },
];

/** The pages that were loaded, newest first, and the way to older ones. */
function Acts({ address }: { address: string }) {
  const first = useAsked((signal) => actsAt(address, signal), address);
  const [older, setOlder] = useState<{ of: string; acts: Act[]; next: string | null } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const more = older?.of === address ? older : null;
  const list = [...(first.value?.rows ?? []), ...(more?.acts ?? [])];
  const next = more ? more.next : (first.value?.next ?? null);
  const load = async (from: string) => {
    try {
      const page = await actsAt(from);
      setError(null);
      setOlder({ of: address, acts: [...(more?.acts ?? []), ...page.rows], next: page.next });
    } catch (failure) {
      setError(failure);
    }
  };
  return (
    <Loaded asked={first}>
      {() => (
        <>
          <p class="small muted" role="status">
            {list.length ? say('shown', { n: list.length }) : say('none')}
          </p>
          {list.length > 0 && <Table caption={say('title')} columns={columns()} rows={list} keyOf={(act) => act.id} />}
          <ErrorText error={error} />
          {next && <Button onClick={() => void load(next)}>{say('more')}</Button>}
        </>
      )}
    </Loaded>
  );
}

export function AuditTab() {
  const filters = filtersOf(route.value.query);
  return (
    <section class="panel stack">
      <h2>{say('title')}</h2>
      <p class="small muted">{say('about')}</p>
      <Chain />
      <p class="small muted">{say('verify')}</p>
      <FilterForm filters={filters} />
      <Acts address={addressOf(filters)} />
    </section>
  );
}
