/** Lets few things go on at once: what comes later waits for its turn. What fails takes no turn from others. */
interface Waiting {
  readonly rank: number;
  readonly begin: () => void;
}

export class Slots {
  #free: number;
  readonly #waiting: Waiting[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  /**
   * Do the work once there is a place, at once where there is one; lower ranks go first, those of one rank in order.
   * Gives, or raises, what the work does; raises AbortError where the signal comes before.
   */
  async run<Value>(work: () => Promise<Value>, rank = 0, signal?: AbortSignal): Promise<Value> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(rank, signal);
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      this.#free += 1;
      this.#callNext();
    }
  }

  #turn(rank: number, signal?: AbortSignal): Promise<void> {
    return new Promise<void>((begin, refuse) => {
      const waiting = { rank, begin };
      this.#waiting.push(waiting);
      signal?.addEventListener('abort', () => {
        const at = this.#waiting.indexOf(waiting);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        refuse(signal.reason);
      });
    });
  }

  #callNext(): void {
    this.#waiting.sort((one, other) => one.rank - other.rank);
    const next = this.#waiting.shift();
    if (!next) return;
    this.#free -= 1;
    next.begin();
  }
}
