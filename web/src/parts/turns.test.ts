import { expect, test } from 'vitest';
import { Turns } from './turns';

/** Things that end when they are told to. */
function held() {
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const act = (name: string) => () =>
    new Promise<string>((resolve, reject) => {
      begun.push(name);
      ends.set(name, (error) => (error ? reject(error) : resolve(name)));
    });
  return { begun, act, end: (name: string, error?: Error) => ends.get(name)?.(error) };
}

test('so many go on at once, the others in order', async () => {
  const { begun, act, end } = held();
  const turns = new Turns(2);
  const all = ['a', 'b', 'c', 'd'].map((name) => turns.take(act(name)));
  expect(begun).toEqual(['a', 'b']);
  end('b');
  expect(await all[1]).toBe('b');
  expect(begun).toEqual(['a', 'b', 'c']);
  end('a');
  end('c');
  await Promise.all([all[0], all[2]]);
  end('d');
  expect(await all[3]).toBe('d');
  const later = turns.take(act('e'));
  expect(begun.at(-1)).toBe('e');
  end('e');
  await later;
});

test('what fails says so, and those after it have their turn', async () => {
  const { begun, act, end } = held();
  const turns = new Turns(1);
  const [first, second] = [turns.take(act('a')), turns.take(act('b'))];
  end('a', new Error('broken'));
  await expect(first).rejects.toThrow('broken');
  expect(begun).toEqual(['a', 'b']);
  end('b');
  expect(await second).toBe('b');
});
