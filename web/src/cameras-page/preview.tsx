/** The rows of a table before they are imported: what each comes to, and what is wrong with it beside it. */
import type { Detail } from '../api/refusals';
import { shortened } from '../cameras';
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
          {sayNote(key, { text: shortened(text) })}
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

/** Longer than any camera's, and still some lines only. */
const LONGEST_ADDRESS = 150;

function Login({ row }: { row: Row }) {
  if (!row.user) return null;
  const user = shortened(row.user);
  return <span class="small muted">{row.hasPassword ? say('withPassword', { user }) : user}</span>;
}

/** The number of a line, with the choice whether it is brought in; without it once it was. */
function Line({ row, preview, onChoose }: { row: Row; preview: Preview; onChoose: (isChosen: boolean) => void }) {
  if (preview.added.has(row.line)) return <span class="numbers">{row.line}</span>;
  return (
    <Check
      label={say('chosen', { n: row.line })}
      checked={preview.chosen.has(row.line)}
      disabled={row.faults.length > 0}
      onChange={onChoose}
    />
  );
}

function Name({ row, id }: { row: Row; id: number | undefined }) {
  if (id === undefined) return <>{shortened(row.name)}</>;
  return (
    <Link page="cameras" query={{ camera: String(id) }}>
      {shortened(row.name) || `#${id}`}
    </Link>
  );
}

function PreviewRow({ row, preview, onChoose }: { row: Row; preview: Preview; onChoose: (isChosen: boolean) => void }) {
  const id = preview.added.get(row.line);
  return (
    <tr class={row.faults.length ? 'cameras-faulty' : ''}>
      <td data-label={say('line')}>
        <Line row={row} preview={preview} onChoose={onChoose} />
      </td>
      <td data-label={say('name')}>
        <Name row={row} id={id} />
      </td>
      <td data-label={say('address')}>
        <span class="cameras-where">
          <span class="code" translate={false}>
            {shortened(row.address, LONGEST_ADDRESS)}
          </span>
          <Login row={row} />
        </span>
      </td>
      <td data-label={say('model')}>{say(row.model)}</td>
      <td data-label={say('group')}>{shortened(row.group)}</td>
      <td data-label={say('tag')}>{shortened(row.tag)}</td>
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
