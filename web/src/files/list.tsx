/** All files: what is uploaded now, and what was handed over before, with filters that stand in the address. */
import { useEffect, useMemo } from 'preact/hooks';
import type { FileStatus, HandedFile } from '../api/files';
import { bytesText, durationText, momentText, numberText } from '../instants';
import { may } from '../me';
import { Button } from '../parts/button';
import { Field } from '../parts/field';
import { Link } from '../parts/link';
import { Empty, ErrorText, Spinner } from '../parts/shown';
import { type Column, Table } from '../parts/table';
import { changeQuery, route } from '../route';
import { Choose } from './choose';
import { FileListing } from './listing';
import { announce } from './said';
import { StatusBadge, statusText } from './status';
import { Uploads } from './uploads';
import { say } from './words';

const STATUSES: FileStatus[] = ['--------', 'processing', 'ready', 'error', 'db_ready'];
const KINDS = ['upload', 'footage'] as const;

function Received({ file }: { file: HandedFile }) {
  if (file.completed_utc !== null || !file.size_bytes) return null;
  return (
    <progress
      class="files-small-progress"
      aria-label={say('progressOf', { name: file.name })}
      max={file.size_bytes}
      value={file.received_bytes}
    />
  );
}

function Name({ file }: { file: HandedFile }) {
  return (
    <Link class="files-name" page="files" query={{ file: String(file.id) }}>
      <bdi>{file.name}</bdi>
    </Link>
  );
}

function Status({ file }: { file: HandedFile }) {
  return (
    <span class="row">
      <StatusBadge status={file.status} />
      <Received file={file} />
      {file.error && <bdi class="small error-text">{file.error}</bdi>}
    </span>
  );
}

const numbers = (text: string) => <span class="numbers">{text}</span>;

function columns(): Column<HandedFile>[] {
  return [
    {
      name: 'name',
      label: say('name'),
      cell: (file) => <Name file={file} />,
    },
    {
      name: 'status',
      label: say('status'),
      cell: (file) => <Status file={file} />,
    },
    {
      name: 'findings',
      label: say('findings'),
      cell: (file) => numbers(file.status === 'db_ready' ? numberText(file.violations_quantity) : '–'),
    },
    {
      name: 'kind',
      label: say('kind'),
      cell: (file) => <span class="muted">{say(file.kind)}</span>,
    },
    {
      name: 'length',
      label: say('length'),
      cell: (file) => numbers(file.duration_s === null ? '–' : durationText(file.duration_s * 1000)),
    },
    {
      name: 'size',
      label: say('size'),
      cell: (file) => numbers(file.size_bytes === null ? '–' : bytesText(file.size_bytes)),
    },
    { name: 'owner', label: say('owner'), cell: (file) => <bdi>{file.owner}</bdi> },
    {
      name: 'when',
      label: say('when'),
      cell: (file) => <time dateTime={file.created_utc}>{momentText(Date.parse(file.created_utc))}</time>,
    },
  ];
}

function Filters() {
  const { query } = route.value;
  const choose = (name: string) => (event: { currentTarget: HTMLInputElement | HTMLSelectElement }) =>
    changeQuery({ [name]: event.currentTarget.value });
  return (
    <form class="files-query" aria-label={say('filter')} onSubmit={(event) => event.preventDefault()}>
      <Field label={say('name')}>
        <input type="search" placeholder={say('nameHint')} value={query.get('name') ?? ''} onInput={choose('name')} />
      </Field>
      <Field label={say('status')}>
        <select value={query.get('status') ?? ''} onChange={choose('status')}>
          <option value="">{say('all')}</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {statusText(status)}
            </option>
          ))}
        </select>
      </Field>
      <Field label={say('kind')}>
        <select value={query.get('kind') ?? ''} onChange={choose('kind')}>
          <option value="">{say('all')}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {say(kind)}
            </option>
          ))}
        </select>
      </Field>
    </form>
  );
}

function Listed({ listing, isFiltered }: { listing: FileListing; isFiltered: boolean }) {
  const rows = listing.rows.value;
  if (!rows) return listing.error.value ? <ErrorText error={listing.error.value} /> : <Spinner />;
  if (!rows.length && isFiltered)
    return (
      <Empty title={say('noneMatch')}>
        <Button onClick={() => changeQuery({ name: null, status: null, kind: null })}>{say('clear')}</Button>
      </Empty>
    );
  if (!rows.length)
    return (
      <Empty title={say('noFiles')}>
        <p>{say(may('operator') ? 'noFilesHow' : 'noFilesViewer')}</p>
      </Empty>
    );
  return (
    <>
      <Table caption={say('files')} columns={columns()} rows={rows} keyOf={(file) => file.id} />
      <div class="row">
        <span class="small muted" role="status">
          {say('shown', { n: rows.length })}
        </span>
        <span class="spring" />
        {listing.next.value && <Button onClick={() => void listing.more()}>{say('older')}</Button>}
      </div>
      <ErrorText error={listing.error.value} />
    </>
  );
}

/** The listing of the filters in the address; another one for others. */
function useListing(): FileListing {
  const { query } = route.value;
  const [name, status, kind] = ['name', 'status', 'kind'].map((one) => query.get(one) ?? '');
  const listing = useMemo(() => {
    const given = STATUSES.find((one) => one === status) ?? null;
    return new FileListing({ name: name || null, status: given, kind: KINDS.find((one) => one === kind) ?? null });
  }, [name, status, kind]);
  useEffect(() => {
    listing.onChange = ({ name: changed, status: now }) =>
      announce(say('saidStatus', { name: changed, status: statusText(now) }));
    const timer = setTimeout(() => listing.begin(), name ? 200 : 0); // somebody may still be typing
    return () => {
      clearTimeout(timer);
      listing.end();
    };
  }, [listing]);
  return listing;
}

export function FileList() {
  const listing = useListing();
  const { query } = route.value;
  const isFiltered = ['name', 'status', 'kind'].some((one) => query.get(one));
  const isEmpty = listing.rows.value?.length === 0 && !isFiltered;
  return (
    <div class="files-list stack">
      <div class="row">
        <h1>{say('files')}</h1>
        <span class="spring" />
        {may('operator') && <Choose />}
      </div>
      {may('operator') && <Uploads />}
      <section class="panel stack">
        {!isEmpty && <Filters />}
        <Listed listing={listing} isFiltered={isFiltered} />
      </section>
    </div>
  );
}
