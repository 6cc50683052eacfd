/** What cameras are called. */
import type { Source } from './api/sources';

type Named = Pick<Source, 'id' | 'description'>;

const LONGEST_NAME = 100;

/** A text cut where it is longer than so many letters: nobody reads more of it in a list. */
export function shortened(text: string, most = LONGEST_NAME): string {
  const letters = [...text.slice(0, 4 * most)];
  return letters.length > most ? `${letters.slice(0, most).join('')}…` : text;
}

/** The first line of what is said of a camera, cut where it is longer than a name. */
export function nameOf(source: Named): string {
  return shortened(source.description?.split('\n')[0]?.trim() || `#${source.id}`);
}

const numbered = (name: string, id: number): string => `${name} #${id}`;

/** What a camera may be called: with its number while others are called the same. */
export const namesOf = ({ source }: { source: Named }): string[] => {
  const name = nameOf(source);
  return [name, numbered(name, source.id)];
};

/** Give cameras of one name their numbers: else nobody could tell which of them is stopped, removed or shown. */
export function toldApart<T extends { id: number; name: string }>(list: T[]): T[] {
  const counts = new Map<string, number>();
  for (const { name } of list) counts.set(name, (counts.get(name) ?? 0) + 1);
  return list.map((one) => (counts.get(one.name) === 1 ? one : { ...one, name: numbered(one.name, one.id) }));
}
