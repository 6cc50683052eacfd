/** The words that people read and hear, in the language they chose: each part of the pages brings its own. */
import { effect, signal } from '@preact/signals';

export const LANGUAGES = { en: 'English', ru: 'Русский', vi: 'Tiếng Việt' } as const;
export type Language = keyof typeof LANGUAGES;
/** A text, or one for each form of the plural (Intl.PluralRules) of the value `n`. */
export type Text = string | ({ other: string } & Partial<Record<Intl.LDMLPluralRule, string>>);
export type Values = Record<string, string | number>;

const isLanguage = (name: string): name is Language => Object.hasOwn(LANGUAGES, name);

function firstLanguage(): Language {
  const chosen = /(?:^|; )language=(\w+)/.exec(document.cookie)?.[1];
  const wanted = [chosen ?? '', ...navigator.languages].map((name) => name.slice(0, 2).toLowerCase());
  return wanted.find(isLanguage) ?? 'en';
}

export const language = signal<Language>(firstLanguage());

effect(() => {
  document.documentElement.lang = language.value;
});

/** Choose a language here and on the pages that the service itself writes (they read the cookie). */
export function chooseLanguage(name: Language): void {
  const secure = location.protocol === 'https:' ? '; secure' : '';
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in Safari before 18.4
  document.cookie = `language=${name}; path=/; max-age=31536000; samesite=lax${secure}`;
  language.value = name;
}

const rules = new Map<Language, Intl.PluralRules>();

function pluralOf(name: Language, n: number): Intl.LDMLPluralRule {
  let found = rules.get(name);
  if (!found) {
    found = new Intl.PluralRules(name);
    rules.set(name, found);
  }
  return found.select(n);
}

/** Put values in the places of a text: `{name}`; numbers as the language writes them. */
export function fill(text: Text, values: Values, name: Language): string {
  const n = Number(values.n ?? 0);
  const chosen = typeof text === 'string' ? text : (text[pluralOf(name, n)] ?? text.other);
  return chosen.replace(/\{(\w+)\}/g, (whole, key: string) => {
    const value = values[key];
    if (value === undefined) return whole;
    return typeof value === 'number' ? value.toLocaleString(name) : value;
  });
}

/**
 * Return the function that says the words of one part: `say('key', {n: 3})`. All languages have the same keys: the
 * compiler says which is missing. Where it is called while something is drawn, that is drawn anew in a new language.
 */
export function defineWords<Key extends string>(
  words: { en: Record<Key, Text> } & Record<Exclude<Language, 'en'>, Record<NoInfer<Key>, Text>>,
): (key: Key, values?: Values) => string {
  return (key, values = {}) => fill(words[language.value][key], values, language.value);
}
