import { readdirSync, readFileSync } from 'node:fs';
import { parseAst } from 'vite';
import { expect, it } from 'vitest';

const MOST_LINES = 40; // as in Python: from the line of its begin to that of its end, whatever stands in them
const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

type Node = { type?: string; start?: number; end?: number };

/** The functions in a tree, however deep they lie. */
function* functionsIn(value: unknown): Generator<Required<Node>> {
  if (typeof value !== 'object' || value === null) return;
  const { type = '' } = value as Node;
  if (FUNCTIONS.includes(type)) yield value as Required<Node>;
  for (const inner of Object.values(value)) yield* functionsIn(inner);
}

/** The functions of a module that are too long, by the number of their first line. */
function tooLong(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  const lineOf = (place: number) => text.slice(0, place).split('\n').length;
  return [...functionsIn(parseAst(text, { lang: path.endsWith('x') ? 'tsx' : 'ts' }))]
    .map(({ start, end }) => ({ line: lineOf(start), lines: lineOf(end) - lineOf(start) + 1 }))
    .filter(({ lines }) => lines > MOST_LINES)
    .map(({ line, lines }) => `${path}:${line} has ${lines} lines`);
}

it('no function has more than 40 lines', () => {
  const all = readdirSync('src', { recursive: true, encoding: 'utf8' });
  const found = all.filter((name) => /\.tsx?$/.test(name)).map((name) => `src/${name}`);
  expect(found.length).toBeGreaterThan(200);
  expect(found.flatMap(tooLong)).toEqual([]);
});
