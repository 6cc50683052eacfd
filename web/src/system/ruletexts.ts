/** Rules of retention in words, and limits as people write them: days and gigabytes. */
import { LIMITS, type LimitName, type Limits, type Rule, type Scope } from '../api/system';
import { cameraName } from '../cameras';
import { bytesText, durationText } from '../instants';
import { say } from './retentionwords';

const DAY_S = 86_400;
const GB = 1_000_000_000;
const isAge = (name: LimitName): boolean => name.endsWith('_s');
const unitOf = (name: LimitName): number => (isAge(name) ? DAY_S : GB);

/** What a rule is of: "group entrance". */
export function whatText(scope: Scope, name: string, sourceId: number | null = null): string {
  if (scope === 'all') return say('all');
  return say(scope, { name: scope === 'source' && sourceId !== null ? cameraName(sourceId) : name });
}
export const ruleText = (rule: Rule): string => whatText(rule.scope, rule.name, rule.source_id);

export const limitText = (name: LimitName, value: number): string =>
  isAge(name) ? durationText(value * 1000) : bytesText(value);

export type Typed = Record<LimitName, string>;

/** Limits as they stand in the fields of a form: days and gigabytes, empty for none. */
export function typedOf(limits: Limits | null): Typed {
  const pairs = LIMITS.map((name) => {
    const value = limits?.[name] ?? null;
    return [name, value === null ? '' : String(Number((value / unitOf(name)).toFixed(6)))];
  });
  return Object.fromEntries(pairs) as Typed;
}

/** The limits that were typed, in seconds and bytes; a field that is empty is null. */
export function limitsOf(typed: Typed): Limits {
  const pairs = LIMITS.map((name) => {
    const text = typed[name].trim().replace(',', '.');
    return [name, text ? Math.round(Number(text) * unitOf(name)) : null];
  });
  return Object.fromEntries(pairs) as Limits;
}
