/** A few requests at a time: a browser has six connections to a service, and the player needs most of them. */
interface Waiting {
  readonly rank: number;
  readonly begin: () => void;
}

export class Slots {
  /** How many there are now. */
  readonly #most: () => number;
  #taken = 0;
  readonly #waiting: Waiting[] = [];

  constructor(most: () => number) {
    this.#most = most;
  }

  /**
   * Do the work once there is a place, at once where there is one; lower ranks go first. Raises AbortError where the
   * signal comes before.
   */
  async run<Value>(rank: number, signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
    if (this.#taken < this.#most()) this.#taken += 1;
    else await this.#turn(rank, signal);
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      this.#taken -= 1;
      this.#callNext();
    }
  }

  #turn(rank: number, signal: AbortSignal): Promise<void> {
    return new Promise<void>((begin, refuse) => {
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

  #callNext(): void {
    this.#waiting.sort((one, other) => one.rank - other.rank);
    while (this.#taken < this.#most()) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#taken += 1;
      next.begin();
    }
  }
}
