import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Of each folder the others from which it imports, types too. */
function imports(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const name of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    const folder = /^([^/]+)\/[^/]+\.tsx?$/.exec(name)?.[1];
    if (!folder || name.includes('.test.')) continue;
    const others = found.get(folder) ?? new Set();
    for (const [, other = ''] of readFileSync(`src/${name}`, 'utf8').matchAll(/from '\.\.\/([^/']+)(?:\/[^']+)?'/g))
      others.add(other);
    found.set(folder, others);
  }
  return found;
}

/** A way from a folder back to itself; null: there is none. */
function circleOf(folder: string, graph: Map<string, Set<string>>, way: string[] = []): string[] | null {
  if (way.includes(folder)) return [...way.slice(way.indexOf(folder)), folder];
  for (const other of graph.get(folder) ?? []) {
    const circle = circleOf(other, graph, [...way, folder]);
    if (circle) return circle;
  }
  return null;
}

test('folders import one another in one direction, and a timeline stands without player and clips', () => {
  const graph = imports();
  expect(graph.size).toBeGreaterThan(8);
  expect([...graph.keys()].map((folder) => circleOf(folder, graph))).toEqual([...graph.keys()].map(() => null));
  for (const [folder, other] of [
    ['player', 'timeline'],
    ['timeline', 'player'],
    ['clips', 'timeline'],
    ['timeline', 'clips'],
  ])
    expect([folder, graph.get(folder ?? '')?.has(other ?? '')]).toEqual([folder, false]);
});
