/** Why it is not known whether a film fits its audience: the sentences of the service, taken apart (docs/transfer.md). */

const SENTENCES = {
  notListed: 'not in the list of violations',
  notJudged: 'nobody has judged how grave',
  ageless: 'the list names no age for',
} as const;

export type UnsureKey = keyof typeof SENTENCES;

/** One entry of `unsure`: what it says, and of which violations; null for one that is not known here. */
export function unsureOf(entry: string): { key: UnsureKey; names: string } | null {
  for (const key of Object.keys(SENTENCES) as UnsureKey[]) {
    const head = `${SENTENCES[key]}: `;
    if (entry.startsWith(head)) return { key, names: entry.slice(head.length) };
  }
  return null;
}
