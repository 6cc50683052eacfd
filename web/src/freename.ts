/** Names of new groups. */
const LONGEST = 240; // the service takes 255 characters: a number goes behind it

/** A name that no group has: the wished one, or with a number behind it. */
export function freeName(wished: string, groups: readonly { name: string }[]): string {
  const taken = new Set(groups.map(({ name }) => name));
  let name = wished;
  for (let number = 2; taken.has(name); number += 1) name = `${wished.slice(0, LONGEST)} ${number}`;
  return name;
}
