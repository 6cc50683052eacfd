import { expect, it } from 'vitest';
import { rowsOf } from './rows';
import { readTable, TEMPLATE, textOf } from './table';

const bytes = (...numbers: number[]) => new Uint8Array(numbers);
const CYRILLIC = 'название;адрес\nДверь;rtsp://10.0.0.1/a\n';
/** How a workbook of an office program begins. */
const ZIP_HEAD = [0x50, 0x4b, 3, 4, 20, 0, 6, 0, 8, 0, 0, 0, 0x21, 0];
/** As Excel in Russia writes it: one byte a letter. */
const windows1251 = (text: string) =>
  bytes(...[...text].map((one) => (one >= 'А' && one <= 'я' ? one.charCodeAt(0) - 0x410 + 0xc0 : one.charCodeAt(0))));
const utf16 = (text: string, isBig: boolean) =>
  bytes(
    ...[...text]
      .flatMap((one) => [one.charCodeAt(0) & 255, one.charCodeAt(0) >> 8])
      .flatMap((_, at, all) => all[isBig ? at ^ 1 : at] ?? 0),
  );

it.each([
  ['utf-8', new TextEncoder().encode(CYRILLIC)],
  ['utf-8', new TextEncoder().encode(`\ufeff${CYRILLIC}`)],
  ['windows-1251', windows1251(CYRILLIC)],
  ['utf-16le', utf16(`\ufeff${CYRILLIC}`, false)],
  ['utf-16be', utf16(`\ufeff${CYRILLIC}`, true)],
  ['utf-16le', utf16(CYRILLIC, false)],
])('a table is read as %s', (encoding, data) => {
  const read = textOf(data);
  expect(read.encoding).toBe(encoding);
  const table = readTable(read.text, read.encoding);
  expect(table.lines).toEqual([{ line: 2, cells: { name: 'Дверь', address: 'rtsp://10.0.0.1/a' }, fault: null }]);
});

it.each([',', ';', '\t'])('a table may have %j between its cells, and says the line of each row', (delimiter) => {
  const text = ['Name,Address,Notes', '"Door, left\nsecond line",rtsp://h/1,x', '', 'Yard,rtsp://h/2'].join('\r\n');
  const table = readTable(text.replaceAll(/(?<!Door),/g, delimiter));
  expect(table.lines.map(({ line }) => line)).toEqual([2, 5]);
  expect(table.lines[0]?.cells).toEqual({ name: 'Door, left\nsecond line', address: 'rtsp://h/1' });
  expect(table.unknown).toEqual(['Notes']);
});

it.each([
  ['emptyFile', bytes()],
  ['emptyFile', new TextEncoder().encode('\ufeff \r\n\r\n')],
  ['binary', bytes(...Array.from({ length: 400 }, (_, at) => [0xff, 0xfe, 0, 0x67, 0x61, 0x72, 0, 1, 2][at % 9] ?? 0))],
  [
    'binary',
    bytes(...ZIP_HEAD, ...Array.from({ length: 900 }, (_, at) => (Math.imul(at + 1, 2_654_435_761) >>> 16) & 255)),
  ],
  [null, new TextEncoder().encode(`${CYRILLIC.repeat(9)}\ufffd;rtsp://10.0.0.2/a`)],
] as const)('a table that is none is told: %s', (fault, data) => {
  const { text, encoding } = textOf(data);
  expect(readTable(text, encoding).fault).toBe(fault);
});

it('a table says what cannot be read of a row', () => {
  const table = readTable('name,address\na,rtsp://h/1,too much\n"b,rtsp://h/2\n');
  expect(table.lines.map(({ fault }) => fault)).toEqual(['cells', 'quotes']);
  expect(readTable('name;user\na;b').hasAddress).toBe(false);
  expect(readTable('').lines).toEqual([]);
});

const rows = (text: string) => rowsOf(readTable(text).lines, [{ name: 'Old', address: 'rtsp://u:***@10.0.0.9/live' }]);
const faults = (text: string) => rows(text).map((row) => row.faults.map(({ column, key }) => `${column} ${key}`));

it('rows become what the service takes', () => {
  expect(rows(TEMPLATE).map(({ source }) => source)).toEqual([
    {
      model: 'Source',
      description: 'Front door',
      group_name: 'entrance',
      uri_rtsp: 'rtsp://admin:secret@192.168.1.10:554/stream1',
    },
    {
      model: 'PictureSource',
      description: 'Yard',
      group_name: 'yard',
      uri_http_picture: { uri: 'http://192.168.1.11/still.jpg', auth: 'basic', user: 'admin', password: 'secret' },
    },
  ]);
  expect(rows(TEMPLATE).flatMap((row) => row.faults)).toEqual([]);
  const [only] = rows('address,user,password,tag\nrtsp://h/x,ad min,p@/ß,yes');
  expect(only?.source.uri_rtsp).toBe('rtsp://ad%20min:p%40%2F%C3%9F@h/x');
  expect(only?.tag).toBe('rtsp://h/x');
});

it('rows say what is wrong, and where', () => {
  const text = `address,user,password,model,auth,group
10.0.0.1,,,,,
ftp://h/x,,,,,
rtsp://h:99999/x,,,,,
rtsp://h /x,,,,,
rtsp:///x,,,,,
,,,,,
rtsp://h/1,,secret,,,
rtsp://a:b@h/2,c,,,,
rtsp://h/3,u,***,,,
rtsp://h/4,,,video,,
rtsp://h/5,,,PictureSource,,
http://h/6,u,p,,ntlm,
http://h/7,,,,,mixed
rtsp://h/8,,,,,mixed
rtsp://h/${'x'.repeat(2100)},,,,,`;
  expect(faults(text)).toEqual([
    ['address no_scheme'],
    ['address no_scheme'],
    ['address bad_port'],
    ['address space'],
    ['address bad_address'],
    ['password password_alone'],
    ['user two_users'],
    ['password mask'],
    ['model bad_model'],
    ['model other_model'],
    ['auth bad_auth'],
    [],
    ['group group_models'],
    ['address long'],
  ]);
  expect(faults('name,address\nDoor,')).toEqual([['address no_address']]);
});

it('rows are not the same camera where they have no address', () => {
  expect(rows('name,address\nDoor,\nGate,').map(({ notes }) => notes)).toEqual([[], []]);
});

it('rows are marked where the camera is there already, twice, or begins like a formula', () => {
  const text = 'name,address\na,rtsp://x:y@10.0.0.9/live/\nb,rtsp://h/1\n=HYPERLINK("http://evil"),rtsp://h/1';
  expect(rows(text).map(({ notes }) => notes.map(({ key, text: what }) => `${key} ${what}`))).toEqual([
    ['known Old'],
    [],
    ['formula =HYPERLINK("http://evil")', 'twice 3'],
  ]);
});
