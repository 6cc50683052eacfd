/** What the rows of a table come to: a camera each, and what is wrong with it before the service is asked. */
import type { BulkRow } from '../api/cameras';
import type { Model } from '../api/sources';
import { join, MASK, placeOf, split } from './addresses';
import { COLUMNS, type ColumnName, type Line } from './table';

export const MOST_ROWS = 1000;
export const SCHEMES: Record<Model, string[]> = { Source: ['rtsp', 'rtsps'], PictureSource: ['http', 'https'] };
const MODELS: Record<string, Model> = {
  source: 'Source',
  rtsp: 'Source',
  stream: 'Source',
  поток: 'Source',
  luồng: 'Source',
  picturesource: 'PictureSource',
  http: 'PictureSource',
  picture: 'PictureSource',
  pictures: 'PictureSource',
  снимки: 'PictureSource',
  ảnh: 'PictureSource',
};
const NO = ['', '0', 'no', 'false', 'нет', 'không'];
const YES = ['1', 'yes', 'true', 'x', '+', 'да', 'có'];

export type FaultKey =
  | 'quotes'
  | 'cells'
  | 'no_address'
  | 'no_scheme'
  | 'space'
  | 'bad_address'
  | 'bad_port'
  | 'two_users'
  | 'password_alone'
  | 'bad_model'
  | 'other_model'
  | 'bad_auth'
  | 'long'
  | 'mask'
  | 'group_models';
export type NoteKey = 'known' | 'twice' | 'formula';

export interface Fault {
  column: ColumnName | null;
  key: FaultKey;
  /** What stands in the cell, where that helps. */
  text: string;
}

export interface Row {
  line: number;
  source: BulkRow;
  model: Model;
  name: string;
  /** Without user and password. */
  address: string;
  user: string;
  hasPassword: boolean;
  group: string;
  /** Under which it is to record; empty: not. */
  tag: string;
  faults: Fault[];
  notes: { key: NoteKey; text: string }[];
}

const LONGEST: Partial<Record<ColumnName, number>> = {
  name: 4096,
  address: 2048,
  user: 255,
  password: 255,
  group: 255,
  tag: 255,
};
const isFormula = (text: string | undefined) => /^[=+@-]./.test(text ?? '');

/** What is wrong with an address without user and password, if anything. */
export function addressFault(bare: string): FaultKey | null {
  if (!bare) return 'no_address';
  if (/\s|\\/.test(bare)) return 'space';
  const [, scheme, host, port] =
    /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^:/?#@]*)(?::(\d*))?(?=[/?#]|$)/i.exec(bare) ?? [];
  if (
    !Object.values(SCHEMES)
      .flat()
      .includes(scheme?.toLowerCase() ?? /^([^:/]*)/.exec(bare)?.[1] ?? '')
  )
    return 'no_scheme';
  if (!host) return 'bad_address';
  return port && !(Number(port) >= 1 && Number(port) <= 65_535) ? 'bad_port' : null;
}

const schemeModel = (bare: string): Model => (/^https?:/i.test(bare) ? 'PictureSource' : 'Source');

type Cells = Line['cells'];
const fault = (column: ColumnName | null, key: FaultKey, text = ''): Fault => ({
  column,
  key,
  text: text.slice(0, 80),
});

function* loginFaults(cells: Cells): Generator<Fault> {
  const inside = split(cells.address ?? '');
  if (inside.user && cells.user && inside.user !== cells.user) yield fault('user', 'two_users', cells.user);
  if (cells.password && !cells.user && !inside.user) yield fault('password', 'password_alone');
  if (cells.password === MASK || inside.password === MASK) yield fault('password', 'mask');
  if (cells.auth && !['basic', 'digest'].includes(cells.auth.toLowerCase()))
    yield fault('auth', 'bad_auth', cells.auth);
}

function* modelFaults({ model }: Cells, bare: string, isAddress: boolean): Generator<Fault> {
  if (model === undefined) return;
  const meant = MODELS[model.toLowerCase()];
  if (!meant) yield fault('model', 'bad_model', model);
  else if (isAddress && meant !== schemeModel(bare)) yield fault('model', 'other_model', model);
}

/** All that is wrong with the cells of one row. */
function faultsOf({ cells, fault: unread }: Line, bare: string): Fault[] {
  const wrong = addressFault(bare);
  const tooLong = COLUMNS.filter((column) => (cells[column]?.length ?? 0) > (LONGEST[column] ?? 80));
  return [
    ...(unread ? [fault(null, unread)] : []),
    ...(wrong ? [fault('address', wrong, bare)] : []),
    ...loginFaults(cells),
    ...modelFaults(cells, bare, wrong === null),
    ...tooLong.map((column) => fault(column, 'long')),
  ];
}

function sourceOf({ cells }: Line, model: Model, bare: string): BulkRow {
  const inside = split(cells.address ?? '');
  const user = inside.user || cells.user || '';
  const password = inside.password || cells.password || '';
  const about = {
    model,
    ...(cells.name && { description: cells.name }),
    ...(cells.group && { group_name: cells.group }),
  };
  if (model === 'Source') return { ...about, uri_rtsp: join({ bare, user, password }) };
  const auth = user ? (cells.auth?.toLowerCase() === 'digest' ? 'digest' : 'basic') : null;
  return { ...about, uri_http_picture: { uri: bare, auth, user: user || null, password: password || null } };
}

/** `yes` in the column of tags means a tag of the camera's own name; `no` means none. */
function tagOf(cell: string, name: string): string {
  if (NO.includes(cell.toLowerCase())) return '';
  return YES.includes(cell.toLowerCase()) ? name : cell;
}

function rowOf(line: Line): Row {
  const { cells } = line;
  const inside = split(cells.address ?? '');
  const model = MODELS[cells.model?.toLowerCase() ?? ''] ?? schemeModel(inside.bare);
  const formula = COLUMNS.find((column) => ['name', 'group', 'tag'].includes(column) && isFormula(cells[column]));
  const name = cells.name ?? '';
  return {
    line: line.line,
    source: sourceOf(line, model, inside.bare),
    model,
    name,
    address: inside.bare,
    user: inside.user || cells.user || '',
    hasPassword: Boolean(inside.password || cells.password),
    group: cells.group ?? '',
    tag: tagOf(cells.tag ?? '', name || inside.bare.slice(0, 255)),
    faults: faultsOf(line, inside.bare),
    notes: formula ? [{ key: 'formula', text: cells[formula] ?? '' }] : [],
  };
}

/** The rows as cameras; `known`: the cameras that there are, by name and address. */
export function rowsOf(lines: Line[], known: { name: string; address: string }[]): Row[] {
  const places = new Map(known.map(({ name, address }) => [placeOf(address), name]));
  const seen = new Map<string, number>();
  const models = new Map<string, Model>();
  return lines.map((line) => {
    const row = rowOf(line);
    const place = placeOf(row.address);
    const [there, before] = [places.get(place), seen.get(place)];
    if (there !== undefined) row.notes.push({ key: 'known', text: there });
    else if (before !== undefined) row.notes.push({ key: 'twice', text: String(before) });
    else if (row.address) seen.set(place, row.line);
    const model = models.get(row.group);
    if (row.group && model && model !== row.model)
      row.faults.push({ column: 'group', key: 'group_models', text: row.group });
    else models.set(row.group, row.model);
    return row;
  });
}
