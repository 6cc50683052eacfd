/** A few requests at a time: a browser has six connections to a service, and the player needs most of them. */
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

  /** Do the work once there is a place; lower ranks go first. Raises AbortError where the signal comes before. */
  async run<Value>(rank: number, signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
    await this.#place(rank, signal);
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #place(rank: number, signal: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((begin, refuse) => {
      const waiting = { rank, begin };
      this.#waiting.push(waiting);
      signal.addEventListener('abort', () => {
        const at = this.#waiting.indexOf(waiting);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        refuse(signal.reason);
      });
    });
  }

  #leave(): void {
    this.#waiting.sort((one, other) => one.rank - other.rank);
    const next = this.#waiting.shift();
    if (next) next.begin();
    else this.#free += 1;
  }
}
