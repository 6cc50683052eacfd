/** The rows of a table before they are imported: what each comes to, and what is wrong with it beside it. */
import type { Detail } from '../api/refusals';
import { Check } from '../parts/field';
import { Link } from '../parts/link';
import { Refused } from '../parts/refused';
import { sayReason } from '../reasons';
import type { Outcome } from './bringing';
import { videoText } from './facts';
import { say, sayColumn, sayFault, sayNote } from './importwords';
import type { Row } from './rows';

export interface Preview {
  chosen: ReadonlySet<number>;
  outcomes: ReadonlyMap<number, Outcome>;
  /** What the service said of rows, by line. */
  refused: ReadonlyMap<number, Detail[]>;
  /** The ids of what was imported, by line. */
  added: ReadonlyMap<number, number>;
}

function Wrong({ row, refused }: { row: Row; refused: Detail[] }) {
  if (!row.faults.length && !row.notes.length && !refused.length) return <span class="muted">{say('fine')}</span>;
  return (
    <ul>
      {row.faults.map(({ column, key, text }) => (
        <li key={`${column} ${key}`} class="error-text">
          {column && say('column', { name: sayColumn(column) })}
          {sayFault(key, { text })}
        </li>
      ))}
      {refused.map((entry) => (
        <li key={entry.msg} class="error-text">
          <Refused entries={[entry]} />
        </li>
      ))}
      {row.notes.map(({ key, text }) => (
        <li key={key} class="small cameras-note">
          {sayNote(key, { text })}
        </li>
      ))}
    </ul>
  );
}

function Tested({ outcome }: { outcome: Outcome | undefined }) {
  if (!outcome) return null;
  if (outcome.kind === 'refused')
    return (
      <span class="error-text">
        <Refused entries={outcome.detail} />
      </span>
    );
  if (outcome.kind !== 'tried') return <span class="muted">{say(outcome.kind)}</span>;
  const { trial } = outcome;
  if (trial.reason) {
    return (
      <span class="error-text" title={sayReason(`${trial.reason}_hint`)}>
        {sayReason(trial.reason)}
      </span>
    );
  }
  return (
    <figure class="cameras-small">
      {trial.picture && <img src={trial.picture} alt="" />}
      <figcaption class="small">
        {say('seen')} · {videoText(trial)}
      </figcaption>
    </figure>
  );
}

function Login({ row }: { row: Row }) {
  if (!row.user) return null;
  return <span class="small muted">{row.hasPassword ? say('withPassword', { user: row.user }) : row.user}</span>;
}

function PreviewRow({ row, preview, onChoose }: { row: Row; preview: Preview; onChoose: (isChosen: boolean) => void }) {
  const id = preview.added.get(row.line);
  return (
    <tr class={row.faults.length ? 'cameras-faulty' : ''}>
      <td data-label={say('line')}>
        {id === undefined ? (
          <Check
            label={say('chosen', { n: row.line })}
            checked={preview.chosen.has(row.line)}
            disabled={row.faults.length > 0}
            onChange={onChoose}
          />
        ) : (
          <span class="numbers">{row.line}</span>
        )}
      </td>
      <td data-label={say('name')}>
        {id === undefined ? (
          row.name
        ) : (
          <Link page="cameras" query={{ camera: String(id) }}>
            {row.name || `#${id}`}
          </Link>
        )}
      </td>
      <td data-label={say('address')}>
        <span class="cameras-where">
          <span class="code" translate={false}>
            {row.address}
          </span>
          <Login row={row} />
        </span>
      </td>
      <td data-label={say('model')}>{say(row.model)}</td>
      <td data-label={say('group')}>{row.group}</td>
      <td data-label={say('tag')}>{row.tag}</td>
      <td data-label={say('wrong')}>
        {id === undefined ? (
          <Wrong row={row} refused={preview.refused.get(row.line) ?? []} />
        ) : (
          <span class="badge" data-kind="good">
            {say('added')}
          </span>
        )}
      </td>
      <td data-label={say('test')}>
        <Tested outcome={preview.outcomes.get(row.line)} />
      </td>
    </tr>
  );
}

const HEADS = ['line', 'name', 'address', 'model', 'group', 'tag', 'wrong', 'test'] as const;

interface PreviewProps {
  rows: Row[];
  preview: Preview;
  onChoose: (line: number, isChosen: boolean) => void;
}

export function PreviewTable({ rows, preview, onChoose }: PreviewProps) {
  return (
    <div class="table-box cameras-preview">
      <table class="table-cards">
        <caption class="unseen">{say('title')}</caption>
        <thead>
          <tr>
            {HEADS.map((name) => (
              <th key={name} scope="col">
                {say(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <PreviewRow
              key={row.line}
              row={row}
              preview={preview}
              onChoose={(isChosen) => onChoose(row.line, isChosen)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}
