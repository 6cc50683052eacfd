/** What stands at the lines of the grid: dates and times by Intl, in the chosen language and zone. */
import type { Step } from './ticks';

const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
const TICKS: Record<string, Intl.DateTimeFormatOptions> = {
  second: { ...CLOCK, second: '2-digit' },
  minute: CLOCK,
  hour: CLOCK,
  day: { weekday: 'short', day: 'numeric' },
  week: { day: 'numeric', month: 'short' },
  month: { month: 'short' },
  year: { year: 'numeric' },
};
const CONTEXTS: Record<string, Intl.DateTimeFormatOptions> = {
  day: { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' },
  month: { month: 'long', year: 'numeric' },
  year: { year: 'numeric' },
};
const MOST_KEPT = 4000;

/** Writes labels of one language and zone, each text once: Intl takes longer than drawing it. */
export class Labels {
  readonly #language: string;
  readonly #zone: string;
  readonly #formats = new Map<string, Intl.DateTimeFormat>();
  readonly #texts = new Map<string, string>();

  constructor(language: string, zone: string) {
    this.#language = language;
    this.#zone = zone;
  }

  tick(by: Step, ms: number): string {
    return this.#text(by.unit, TICKS[by.unit], ms);
  }

  context(unit: 'day' | 'month' | 'year', ms: number): string {
    return this.#text(`context ${unit}`, CONTEXTS[unit], ms);
  }

  #text(kind: string, options: Intl.DateTimeFormatOptions | undefined, ms: number): string {
    const key = `${kind} ${ms}`;
    let found = this.#texts.get(key);
    if (found === undefined) {
      if (this.#texts.size > MOST_KEPT) this.#texts.clear();
      found = this.#format(kind, options ?? {}).format(ms);
      this.#texts.set(key, found);
    }
    return found;
  }

  #format(kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    let found = this.#formats.get(kind);
    if (!found) {
      found = new Intl.DateTimeFormat(this.#language, { ...options, timeZone: this.#zone });
      this.#formats.set(kind, found);
    }
    return found;
  }
}
