import { expect, test } from 'vitest';
import { Slots } from './slots';

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
  const slots = new Slots(2);
  const all = ['a', 'b', 'c', 'd'].map((name) => slots.run(act(name)));
  expect(begun).toEqual(['a', 'b']);
  end('b');
  expect(await all[1]).toBe('b');
  expect(begun).toEqual(['a', 'b', 'c']);
  end('a');
  end('c');
  await Promise.all([all[0], all[2]]);
  end('d');
  expect(await all[3]).toBe('d');
  const later = slots.run(act('e'));
  expect(begun.at(-1)).toBe('e');
  end('e');
  await later;
});

test('what fails says so, and those after it have their turn', async () => {
  const { begun, act, end } = held();
  const slots = new Slots(1);
  const [first, second] = [slots.run(act('a')), slots.run(act('b'))];
  end('a', new Error('broken'));
  await expect(first).rejects.toThrow('broken');
  expect(begun).toEqual(['a', 'b']);
  end('b');
  expect(await second).toBe('b');
});

test('no more requests run than there are places, and the most important waits the least', async () => {
  const slots = new Slots(2);
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const { signal } = new AbortController();
  const begin = (name: string, rank: number, given: AbortSignal = signal) =>
    slots.run(
      () => {
        order.push(name);
        return new Promise<void>((end) => ends.push(end));
      },
      rank,
      given,
    );
  const given = new AbortController();
  const first = [begin('a', 1), begin('b', 1)];
  const given3 = begin('gone', 0, given.signal);
  const later = [begin('late', 9), begin('soon', 2)];
  await Promise.resolve();
  expect(order).toEqual(['a', 'b']);
  given.abort();
  await expect(given3).rejects.toMatchObject({ name: 'AbortError' });
  ends.shift()?.();
  await first[0];
  await Promise.resolve();
  expect(order).toEqual(['a', 'b', 'soon']);
  for (const end of ends) end();
  await new Promise((done) => setTimeout(done));
  for (const end of ends) end();
  await Promise.all([...first, ...later]);
  expect(order).toEqual(['a', 'b', 'soon', 'late']);
});
