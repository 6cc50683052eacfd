/**
 * Adding a camera once, though the answer is lost on the way: whoever presses again would add it twice. What was sent is
 * looked for in the list first, by name and address, among the cameras that were not there before.
 */
import { ApiError } from '../api/call';
import * as api from '../api/sources';
import { cameras } from '../cameras';
import { type Draft, inputOf, type Lost, madeBy } from './draft';

/** Whether it was done all the same: nothing has answered, or something before the service has, or it failed. */
const isLost = (error: unknown): boolean => error instanceof ApiError && (error.status === 0 || error.status >= 500);

export class Adding {
  #lost: Lost[] = [];

  /** The camera that an earlier attempt has made though its answer was lost; null for none. Asks only after such a one. */
  async find(): Promise<number | null> {
    if (!this.#lost.length) return null;
    const sources = await api.sources();
    const found = this.#lost.map((one) => madeBy(one, sources)).find(Boolean);
    return found?.id ?? null;
  }

  async add(draft: Draft): Promise<number> {
    const before = new Set((cameras.peek() ?? []).map(({ id }) => id));
    try {
      return (await api.addSource(inputOf(draft, true))).id;
    } catch (error) {
      if (isLost(error)) this.#lost.push({ draft, before });
      throw error;
    }
  }
}
