/** What the service refused, in the user's language: by `type`, the stable word of its errors (docs/api.md, Errors). */
import { bytesText, durationText, numberText } from '../instants';
import { language } from '../words';
import { isFieldName, sayField } from './fieldnames';
import { REFUSALS, type RefusalType, TELLING } from './refusalwords';
import { VALUES, type ValueType } from './valuewords';

/** One entry of the service's `detail`. */
export interface Detail {
  loc: (string | number)[];
  msg: string;
  type: string;
}

/** `more` is the service's own sentence, in English, where it tells what `text` does not; else empty. */
export interface Told {
  text: string;
  more: string;
}

const isRefusal = (type: string): type is RefusalType => Object.hasOwn(REFUSALS.ru, type);
const isValue = (type: string): type is ValueType => Object.hasOwn(VALUES.ru, type);
/** Their sentences say what would have been right, which no word for all of them can. */
const VALUES_TELLING: readonly ValueType[] = ['literal_error', 'string_pattern_mismatch', 'value_error', 'missing'];

/** The innermost field that is named; undefined where the entry is of none that has a name here. */
const fieldOf = ({ loc }: Detail) => loc.findLast(isFieldName);

const labelled = (entry: Detail, text: string): string => {
  const field = fieldOf(entry);
  return field === undefined ? text : `${sayField(field)}: ${text}`;
};

/** Before the English sentence of an error whose type is not known here: a newer service may have others. */
const UNTOLD = {
  ru: 'Сервис отказал; почему, он пишет по-английски:',
  vi: 'Dịch vụ từ chối; lý do được ghi bằng tiếng Anh:',
};
const SIGNED_OUT = 'You are signed out. Sign in again';
const NUMBER = /-?\d+(?:\.\d+)?/;

/** The number of the service's sentence as people read it: the fields of retention are asked for in other units. */
function boundOf(entry: Detail): string {
  const found = Number(NUMBER.exec(entry.msg)?.[0] ?? Number.NaN);
  if (Number.isNaN(found)) return '';
  const field = String(fieldOf(entry) ?? '');
  if (field.endsWith('_age_s')) return durationText(found * 1000);
  return field.endsWith('_bytes') ? bytesText(found) : numberText(found, 3);
}

/** The service's own sentence of a value, with its field and in the units of the page. */
function englishTold(entry: Detail, isAtField: boolean): Told {
  const msg = /_(age_s|bytes)$/.test(String(fieldOf(entry))) ? entry.msg.replace(NUMBER, boundOf(entry)) : entry.msg;
  return { text: isAtField ? msg : labelled(entry, msg), more: '' };
}

function valueTold(entry: Detail, words: string, isAtField: boolean): Told {
  const bound = boundOf(entry);
  const text = words.replace('{n}', bound);
  const isClear = isAtField || fieldOf(entry) !== undefined;
  const isNumbered = words === text || bound !== '';
  const isTelling = !isClear || !isNumbered || VALUES_TELLING.some((type) => type === entry.type);
  const capital = text.charAt(0).toLocaleUpperCase(language.value) + text.slice(1);
  const isBare = isAtField || fieldOf(entry) === undefined;
  return { text: isBare ? capital : labelled(entry, text), more: isTelling ? entry.msg : '' };
}

/**
 * Say one entry of an error: the cause, and the way out. `isAtField`: it is shown at the field that it is of, which need
 * not be named then. In English that is the service's own sentence. A type that is not known here keeps that too.
 */
export function told(entry: Detail, isAtField = false): Told {
  const { type, msg } = entry;
  const name = language.value;
  if (name === 'en' && type === 'unauthorised') return { text: SIGNED_OUT, more: '' }; // the service tells programs how
  if (name === 'en') return isValue(type) ? englishTold(entry, isAtField) : { text: msg, more: '' };
  if (isRefusal(type)) return { text: REFUSALS[name][type], more: TELLING.has(type) ? msg : '' };
  if (isValue(type)) return valueTold(entry, VALUES[name][type], isAtField);
  return { text: UNTOLD[name], more: msg };
}

/** All entries in one line of text, where there is no place for more. */
export const refusalText = (detail: Detail[]): string => detail.map((entry) => told(entry).text).join(' · ');
