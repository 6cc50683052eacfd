/** Many cameras from a table: read and shown first, tested if somebody wants it, and stored when he says so. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, type Detail } from '../api/call';
import { cameras, refresh, shortened } from '../cameras';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { importRows, type Outcome, recordRows, testRows } from './bringing';
import { say, sayColumn } from './importwords';
import { type Preview, PreviewTable } from './preview';
import { MOST_ROWS, type Row, rowsOf } from './rows';
import { MOST_BYTES, readTable, type TableRead, TEMPLATE, textOf } from './table';

const DELIMITERS: Record<string, 'comma' | 'semicolon' | 'tab'> = { ',': 'comma', ';': 'semicolon', '\t': 'tab' };

/** Let the browser save the template; with a mark, so that office programs read it as UTF-8. */
function saveTemplate(): void {
  const address = URL.createObjectURL(new Blob(['\ufeff', TEMPLATE], { type: 'text/csv' }));
  const link = Object.assign(document.createElement('a'), { href: address, download: 'cameras.csv' });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function Paste({ onRead }: { onRead: (table: TableRead | null) => void }) {
  const [text, setText] = useState('');
  return (
    <>
      <Field label={say('paste')}>
        <textarea
          class="code"
          rows={6}
          spellcheck={false}
          value={text}
          onInput={({ currentTarget: { value } }) => setText(value)}
        />
      </Field>
      <div class="dialog-buttons">
        <Button disabled={!text.trim()} onClick={() => onRead(readTable(text))}>
          {say('read')}
        </Button>
      </div>
    </>
  );
}

function Source({ onRead }: { onRead: (table: TableRead | null) => void }) {
  const file = useRef<HTMLInputElement>(null);
  const take = async (chosen: File | undefined) => {
    if (!chosen) return;
    if (chosen.size > MOST_BYTES) return onRead(null);
    const read = textOf(new Uint8Array(await chosen.arrayBuffer()));
    onRead(readTable(read.text, read.encoding));
  };
  return (
    <div class="stack">
      <p class="muted">{say('hint')}</p>
      <div class="row">
        <input
          ref={file}
          type="file"
          hidden
          accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values,text/plain"
          aria-label={say('file')}
          onChange={({ currentTarget }) => {
            void take(currentTarget.files?.[0]);
            currentTarget.value = ''; // so that the same one, corrected, is a choice again
          }}
        />
        <Button icon="files" kind="main" onClick={() => file.current?.click()}>
          {say('file')}
        </Button>
        <Button icon="save" onClick={saveTemplate}>
          {say('template')}
        </Button>
      </div>
      <Paste onRead={onRead} />
    </div>
  );
}

const MOST_NAMES = 10;
const LONGEST_HEAD = 40;

function namesText(names: string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => shortened(name, LONGEST_HEAD));
  return [...shown, ...(names.length > MOST_NAMES ? ['…'] : [])].join(', ');
}

/** What was found out about the table as a whole. */
function About({ table }: { table: TableRead }) {
  const { unknown, twice, encoding, delimiter, hasAddress, lines, fault } = table;
  if (fault) {
    return (
      <p class="error-text" role="alert">
        {say(fault)}
      </p>
    );
  }
  const twiceNames = twice.map((name) => sayColumn(name)).join(', ');
  return (
    <div class="stack small">
      <p class="muted">
        {say('readAs', { encoding: encoding.toUpperCase(), delimiter: say(DELIMITERS[delimiter] ?? 'comma') })}{' '}
        {unknown.length > 0 && say('unknown', { names: namesText(unknown) })}
      </p>
      {twice.length > 0 && <p class="error-text">{say('twice', { names: twiceNames })}</p>}
      {!hasAddress && (
        <p class="error-text" role="alert">
          {say('noAddress')}
        </p>
      )}
      {hasAddress && !lines.length && (
        <p class="error-text" role="alert">
          {say('empty')}
        </p>
      )}
      {lines.length > MOST_ROWS && (
        <p class="error-text" role="alert">
          {say('most', { n: lines.length })}
        </p>
      )}
    </div>
  );
}

const NOTHING: Preview = { chosen: new Set(), outcomes: new Map(), refused: new Map(), added: new Map() };

/** What was said of rows of the chosen ones, by their lines. */
function refusedOf(error: ApiError, rows: Row[]): Map<number, Detail[]> {
  const found = new Map<number, Detail[]>();
  for (const entry of error.detail) {
    const at = entry.loc[1];
    const line = typeof at === 'number' ? rows[at]?.line : undefined;
    if (line !== undefined) found.set(line, [...(found.get(line) ?? []), entry]);
  }
  return found;
}

/** Tries chosen rows, one after the other, until they are through or it is stopped. */
function useTests(chosen: Row[], tell: (line: number, outcome: Outcome | null) => void) {
  const tests = useRef<AbortController | null>(null);
  const [isTesting, setTesting] = useState(false);
  useEffect(() => () => tests.current?.abort(), []);
  const test = async () => {
    const mine = new AbortController();
    tests.current = mine;
    setTesting(true);
    await testRows(chosen, tell, mine.signal);
    setTesting(false);
  };
  return { test, isTesting, stop: () => tests.current?.abort() };
}

function useImport(rows: Row[]) {
  const isGood = ({ faults, notes }: Row) => !faults.length && !notes.some(({ key }) => key !== 'formula');
  const first = { ...NOTHING, chosen: new Set(rows.filter(isGood).map(({ line }) => line)) };
  const [preview, setPreview] = useState<Preview>(first);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const chosen = rows.filter(({ line }) => preview.chosen.has(line));
  const choose = (line: number, isChosen: boolean) => {
    const lines = new Set(preview.chosen);
    if (isChosen) lines.add(line);
    else lines.delete(line);
    setPreview({ ...preview, chosen: lines });
  };
  const tell = (line: number, outcome: Outcome | null) =>
    setPreview((before) => {
      const outcomes = new Map(before.outcomes);
      if (outcome) outcomes.set(line, outcome);
      else outcomes.delete(line);
      return { ...before, outcomes };
    });
  const tests = useTests(chosen, tell);
  const bring = async () => {
    setBusy(true);
    setError(null);
    try {
      const added = await importRows(chosen);
      setPreview((before) => ({ ...before, refused: new Map(), added, chosen: new Set() }));
      const failed = await recordRows(chosen, added);
      for (const { name, why } of failed) toast(say('notRecorded', { name, why }), 'danger');
      toast(say('done', { n: added.size }));
    } catch (reason) {
      setError(reason);
      if (reason instanceof ApiError) setPreview((before) => ({ ...before, refused: refusedOf(reason, chosen) }));
    } finally {
      await refresh();
      setBusy(false);
    }
  };
  return { preview, chosen, choose, ...tests, bring, isBusy, error };
}

function Rows({ rows, onOther, onClose }: { rows: Row[]; onOther: () => void; onClose: () => void }) {
  const { preview, chosen, choose, test, isTesting, stop, bring, isBusy, error } = useImport(rows);
  const isDone = preview.added.size > 0;
  const isOfRows = error instanceof ApiError && preview.refused.size > 0;
  return (
    <>
      <PreviewTable rows={rows} preview={preview} onChoose={choose} />
      {isOfRows ? (
        <p class="notice" data-kind="danger" role="alert">
          {say('notStored')}
        </p>
      ) : (
        <ErrorText error={error} />
      )}
      <div class="dialog-buttons">
        <Button onClick={onOther} disabled={isBusy}>
          {say('other')}
        </Button>
        {isDone ? (
          <Button kind="main" onClick={onClose}>
            {sayPart('close')}
          </Button>
        ) : (
          <>
            {isTesting ? (
              <Button onClick={stop}>{say('stopTests')}</Button>
            ) : (
              <Button disabled={!chosen.length || isBusy} onClick={test}>
                {say('testAll', { n: chosen.length })}
              </Button>
            )}
            <Button kind="main" disabled={!chosen.length || isBusy || chosen.length > MOST_ROWS} onClick={bring}>
              {say('doIt', { n: chosen.length })}
            </Button>
          </>
        )}
      </div>
    </>
  );
}

export function Importing({ onClose }: { onClose: () => void }) {
  const [table, setTable] = useState<TableRead | null>(null);
  const [rows, setRows] = useState<Row[]>([]);
  const [isLarge, setLarge] = useState(false);
  const take = (read: TableRead | null) => {
    setLarge(read === null);
    setTable(read);
    setRows(read?.hasAddress && !read.fault ? rowsOf(read.lines, cameras.peek() ?? []) : []);
  };
  return (
    <Dialog title={say('title')} onClose={onClose} isWide>
      <div class="stack cameras-import">
        {(!table || !rows.length) && <Source onRead={take} />}
        {isLarge && (
          <p class="error-text" role="alert">
            {say('large')}
          </p>
        )}
        {table && <About table={table} />}
        {table && rows.length > 0 && <Rows rows={rows} onOther={() => setTable(null)} onClose={onClose} />}
      </div>
    </Dialog>
  );
}
