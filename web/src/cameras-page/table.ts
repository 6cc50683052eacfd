/** A table of cameras as people have it: CSV of any office program, its columns known by their heads. */
import { parse } from 'papaparse';

export const COLUMNS = ['name', 'address', 'user', 'password', 'auth', 'model', 'group', 'tag'] as const;
export type ColumnName = (typeof COLUMNS)[number];

/** Heads as people write them, in small letters. The first ones are those of the API and of our template. */
const HEADS: Record<ColumnName, string[]> = {
  name: [
    'description',
    'name',
    'camera',
    'camera name',
    'title',
    'название',
    'имя',
    'камера',
    'наименование',
    'описание',
  ].concat(['tên', 'tên camera', 'mô tả']),
  address: [
    'address',
    'uri_rtsp',
    'uri',
    'url',
    'uri_http_picture',
    'uri_http_picture.uri',
    'rtsp',
    'link',
    'stream',
  ].concat(['адрес', 'ссылка', 'поток', 'url камеры', 'địa chỉ', 'đường dẫn', 'luồng']),
  user: ['user', 'username', 'login', 'uri_http_picture.user', 'логин', 'пользователь', 'người dùng', 'tài khoản'],
  password: ['password', 'pass', 'uri_http_picture.password', 'пароль', 'mật khẩu'],
  auth: ['auth', 'authentication', 'uri_http_picture.auth', 'аутентификация', 'авторизация', 'xác thực'],
  model: ['model', 'type', 'kind', 'тип', 'модель', 'loại', 'kiểu'],
  group: ['group_name', 'group', 'группа', 'nhóm'],
  tag: ['tag', 'record', 'recording', 'tag_name', 'тег', 'метка', 'запись', 'записывать', 'thẻ', 'nhãn', 'ghi hình'],
};
export const MOST_BYTES = 4_000_000;

export interface Line {
  /** Where the row begins in the file: a cell in quotes may have several lines. */
  line: number;
  cells: Partial<Record<ColumnName, string>>;
  /** What cannot be read of it. */
  fault: 'quotes' | 'cells' | null;
}

export interface TableRead {
  lines: Line[];
  encoding: string;
  delimiter: string;
  /** Heads that say nothing to us; their cells are left out. */
  unknown: string[];
  /** Columns that stand there twice. */
  twice: ColumnName[];
  hasAddress: boolean;
  /** Why it is no table at all. */
  fault: 'emptyFile' | 'binary' | null;
}

/** Tell how bytes are to be read: by their mark, as UTF-8 where they are that, else as Excel writes them in Russia. */
function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const head = bytes.subarray(0, 2000);
  const zeros = [0, 1].map((parity) => head.filter((byte, at) => byte === 0 && at % 2 === parity).length);
  if ((zeros[1] ?? 0) > head.length / 8) return 'utf-16le';
  if ((zeros[0] ?? 0) > head.length / 8) return 'utf-16be';
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return 'utf-8';
  } catch (error) {
    if (error instanceof TypeError) return 'windows-1251';
    throw error;
  }
}

export const textOf = (bytes: Uint8Array): { text: string; encoding: string } => {
  const encoding = encodingOf(bytes);
  return { text: new TextDecoder(encoding).decode(bytes), encoding };
};

function columnOf(head: string): ColumnName | null {
  const name = head.trim().toLowerCase();
  return COLUMNS.find((column) => HEADS[column].includes(name)) ?? null;
}

interface Raw {
  line: number;
  cells: string[];
  isBroken: boolean;
}

/** The rows with the lines on which they begin; empty ones are left out. */
function rawRows(text: string, delimiter: string): Raw[] {
  const rows: Raw[] = [];
  let [line, begin] = [1, 0];
  parse<string[]>(text, {
    delimiter,
    step: ({ data, errors, meta }) => {
      if (data.some((cell) => cell.trim())) {
        rows.push({
          line,
          cells: data.map((cell) => cell.trim()),
          isBroken: errors.some(({ type }) => type === 'Quotes'),
        });
      }
      line += text.slice(begin, meta.cursor).split('\n').length - 1;
      begin = meta.cursor;
    },
  });
  return rows;
}

/** The character that stands most often between the heads; in a country whose numbers have commas it is a semicolon. */
function delimiterOf(text: string): string {
  const head = text.trimStart().split('\n', 1)[0] ?? '';
  const count = (one: string) => head.split(one).length;
  return [',', ';', '\t'].reduce((best, one) => (count(one) > count(best) ? one : best));
}

function cellsOf(heads: (ColumnName | null)[], cells: string[]): Line['cells'] {
  const found: Line['cells'] = {};
  heads.forEach((column, at) => {
    const cell = cells[at];
    // Two heads may mean one column, as the API's uri_rtsp and uri do: the one that is filled counts.
    if (column && cell) found[column] ??= cell;
  });
  return found;
}

/** What no table holds: control characters, and marks of what could not be read. Tabs and ends of lines may be. */
const STRANGE = /[^\P{Cc}\t\n]|[\ufeff\ufffd]|\p{Cn}|\p{Co}/gu;
/** Programs write one or two of them into a table; of a picture or an office file a part of all is. */
const MOST_STRANGE_SHARE = 0.01;

/** Why a text is no table at all. */
function faultOf(text: string): TableRead['fault'] {
  if (!text.trim()) return 'emptyFile';
  const strange = text.slice(1).match(STRANGE)?.length ?? 0; // the first may be the mark of an encoding
  return strange > text.length * MOST_STRANGE_SHARE ? 'binary' : null;
}

/** Read a table. What is wrong with single rows is said in them. */
export function readTable(given: string, encoding = 'utf-8'): TableRead {
  const text = given.replace(/\r\n?/g, '\n');
  const delimiter = delimiterOf(text);
  const [head, ...rows] = rawRows(text, delimiter);
  const names = head?.cells ?? [];
  const heads = names.map(columnOf);
  const width = names.length;
  const lines = rows.map(({ line, cells, isBroken }): Line => {
    const tooMany = cells.slice(width).some(Boolean);
    return { line, cells: cellsOf(heads, cells), fault: isBroken ? 'quotes' : tooMany ? 'cells' : null };
  });
  return {
    lines,
    encoding,
    delimiter,
    unknown: names.filter((name, at) => name && !heads[at]),
    twice: COLUMNS.filter(
      (column) => names.filter((name) => name && name.toLowerCase() === HEADS[column][0]).length > 1,
    ),
    hasAddress: heads.includes('address'),
    fault: faultOf(text),
  };
}

/** A table to begin with; every name in it is one that is known. */
export const TEMPLATE = [
  'name,address,user,password,model,group,tag',
  'Front door,rtsp://192.168.1.10:554/stream1,admin,secret,Source,entrance,day',
  'Yard,http://192.168.1.11/still.jpg,admin,secret,PictureSource,yard,',
  '',
].join('\r\n');
