/** A memory of bounded weight that forgets first what was not looked at for the longest. */
export class Keep<Value> {
  readonly #mostWeight: number;
  readonly #weigh: (value: Value) => number;
  readonly #forget: (value: Value) => unknown;
  readonly #kept = new Map<string, Value>();
  #weight = 0;

  /** `forget` is told of each value that leaves, so that it can be freed. */
  constructor(
    mostWeight: number,
    weigh: (value: Value) => number,
    forget: (value: Value) => unknown = () => undefined,
  ) {
    this.#mostWeight = mostWeight;
    this.#weigh = weigh;
    this.#forget = forget;
  }

  get weight(): number {
    return this.#weight;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Return what is kept under a key, without its being looked at. */
  peek(key: string): Value | undefined {
    return this.#kept.get(key);
  }

  get(key: string): Value | undefined {
    const found = this.#kept.get(key);
    if (found !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, found);
    }
    return found;
  }

  set(key: string, value: Value): void {
    this.delete(key);
    this.#kept.set(key, value);
    this.#weight += this.#weigh(value);
    for (const oldest of this.#kept.keys()) {
      if (this.#weight <= this.#mostWeight || oldest === key) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const found = this.#kept.get(key);
    if (found === undefined) return;
    this.#kept.delete(key);
    this.#weight -= this.#weigh(found);
    this.#forget(found);
  }

  clear(): void {
    for (const key of [...this.#kept.keys()]) this.delete(key);
  }
}
