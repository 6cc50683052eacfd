/** What is remembered of media that comes and goes for days: bounded. */

/** The values that were used last, at most so many. */
export class Lately<Value> {
  private readonly values = new Map<string, Value>();
  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  get(key: string): Value | undefined {
    const value = this.values.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.values.delete(key);
    this.values.set(key, value); // the last in order: the first was not used for the longest
    const [oldest] = this.values.keys();
    if (this.values.size > this.most && oldest !== undefined) this.values.delete(oldest);
  }
}

/** Forget keys that are not known any more; which are is looked up once there are more than `most`. */
export function forgetOthers(keys: Set<string>, most: number, known: () => Iterable<string>): void {
  if (keys.size <= most) return;
  const kept = new Set(known());
  for (const key of keys) if (!kept.has(key)) keys.delete(key);
}
