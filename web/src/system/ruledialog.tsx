/** The form of a rule: what it is of, its four limits, and what would follow from them. */

import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api/call';
import {
  addRule,
  changeRule,
  type Forecast,
  forecastWith,
  LIMITS,
  type LimitName,
  type Limits,
  type NewTarget,
  type Rule,
  type Scope,
  tags,
} from '../api/system';
import { cameras, groups } from '../cameras';
import { bytesText, durationText } from '../instants';
import { DAY_MS } from '../lengths';
import { useAsked } from '../parts/asked';
import { Field } from '../parts/field';
import { FormDialog } from '../parts/formdialog';
import { ErrorText } from '../parts/shown';
import { pause } from '../pause';
import { say } from './retentionwords';
import { limitsOf, ruleText, type Typed, typedOf } from './ruletexts';
import { Warning } from './shared';

const SCOPES: Record<Scope, 'scopeAll' | 'scopeGroup' | 'scopeTag' | 'scopeSource'> = {
  all: 'scopeAll',
  group: 'scopeGroup',
  tag: 'scopeTag',
  source: 'scopeSource',
};
const FIELDS = {
  min_age_s: 'min_age_field',
  max_age_s: 'max_age_field',
  min_bytes: 'min_bytes_field',
  max_bytes: 'max_bytes_field',
} as const satisfies Record<LimitName, string>;

/** The rule that a forecast is asked with: one that is there, or what a new one is of; null: that is not chosen yet. */
type Of = { rule_id: string } | NewTarget | null;
const TYPED_MS = 300; // nobody needs the forecast of each figure that is typed

/** The forecast with a rule; null while nothing is typed that has one, or the service does not tell. */
function useForecast(limits: Limits, of: Of): Forecast | null {
  const isAsked = of !== null && LIMITS.some((name) => limits[name] !== null);
  const ask = async (signal: AbortSignal) => {
    if (!isAsked) return null;
    await pause(TYPED_MS, signal);
    return forecastWith(of, limits, signal);
  };
  const { value, error } = useAsked(ask, JSON.stringify([isAsked, of, limits]));
  return error ? null : value; // what is wrong with it is said when it is saved
}

/** What the minimum would take, by the service: with what records now, beside the other rules. */
function Minimum({ told }: { told: Forecast }) {
  const own = told.rules.at(-1);
  const needed = own?.needed_bytes ?? null;
  if (needed === null || told.capacity_bytes === null) return null;
  const room = Math.max(told.capacity_bytes - told.pinned_bytes, 0);
  const others = told.needed_bytes - needed;
  const values = { bytes: bytesText(needed), room: bytesText(room), others: bytesText(others) };
  const key = own?.is_met === false ? 'needsMore' : 'needs';
  return <p class="small">{say(others > 0 ? `${key}Beside` : key, values)}</p>;
}

/** What the maxima would delete at once: the age alone until the service has told the bytes. */
function Deleted({ told, limits }: { told: Forecast | null; limits: Limits }) {
  const { max_age_s: oldest, max_bytes: most } = limits;
  if (oldest === null && most === null) return null;
  const bytes = told?.deletes_bytes ?? null;
  return (
    <>
      {oldest !== null && <Warning>{say('shortens', { time: durationText(oldest * 1000) })}</Warning>}
      {bytes === 0 && <p class="small">{say('deletesNothing')}</p>}
      {bytes !== null && bytes > 0 && <Warning>{say('deletes', { bytes: bytesText(bytes) })}</Warning>}
      {told && bytes === null && <p class="small">{say('deletesUnknown')}</p>}
    </>
  );
}

/** What would follow, as far as can be told before it is saved. */
function Preview({ limits, of, expected }: { limits: Limits; of: Of; expected: Forecast }) {
  const told = useForecast(limits, of);
  return (
    <section class="stack system-preview" aria-live="polite">
      <h3>{say('forecast')}</h3>
      <p class="small">
        {expected.reachable_days === null
          ? say('nowUnknown')
          : say('now', { rate: bytesText(expected.bytes_s), time: durationText(expected.reachable_days * DAY_MS) })}
      </p>
      {told && <Minimum told={told} />}
      <Deleted told={told} limits={limits} />
    </section>
  );
}

/** Why the service refused a minimum: the forecast as it would be with the rule. */
function Unreachable({ told }: { told: Forecast }) {
  const room = told.capacity_bytes ?? 0;
  return (
    <div class="notice stack" data-kind="danger" role="alert">
      <strong>{say('unreachable')}</strong>
      <span>
        {say('unreachableText', {
          needed: bytesText(told.needed_bytes),
          room: bytesText(room),
          pinned: bytesText(told.pinned_bytes),
        })}
      </span>
      {told.reachable_days !== null && (
        <span>{say('unreachableDays', { time: durationText(told.reachable_days * DAY_MS) })}</span>
      )}
      <span>{say('wayOut')}</span>
    </div>
  );
}

function Failure({ error }: { error: unknown }) {
  if (error instanceof ApiError && error.has('unreachable') && error.body.forecast)
    return <Unreachable told={error.body.forecast as Forecast} />;
  return <ErrorText error={error} placed={LIMITS} />;
}

function useTagNames(): string[] {
  const [names, setNames] = useState<string[]>([]);
  useEffect(() => {
    const control = new AbortController();
    tags(control.signal).then(
      (list) => setNames(list.map(({ name }) => name)),
      () => setNames([]), // the field stays empty; saving says what is wrong
    );
    return () => control.abort();
  }, []);
  return names;
}

interface TargetProps {
  scope: Scope;
  target: string;
  onScope: (scope: Scope) => void;
  onTarget: (target: string) => void;
}

function Target({ scope, target, onScope, onTarget }: TargetProps) {
  const tagNames = useTagNames();
  const choices: Record<Scope, { value: string; text: string }[]> = {
    all: [],
    group: groups.value.map(({ name }) => ({ value: name, text: name })),
    tag: tagNames.map((name) => ({ value: name, text: name })),
    source: (cameras.value ?? []).map(({ id, name }) => ({ value: String(id), text: name })),
  };
  return (
    <>
      <Field label={say('scope')}>
        <select value={scope} onChange={(event) => onScope(event.currentTarget.value as Scope)}>
          {(Object.keys(SCOPES) as Scope[]).map((one) => (
            <option key={one} value={one}>
              {say(SCOPES[one])}
            </option>
          ))}
        </select>
      </Field>
      {scope !== 'all' && (
        <Field label={say('target')}>
          <select required value={target} onChange={(event) => onTarget(event.currentTarget.value)}>
            <option value="" />
            {choices[scope].map(({ value, text }) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </Field>
      )}
    </>
  );
}

function targetOf(scope: Scope, target: string): NewTarget {
  if (scope === 'group') return { scope, group_name: target };
  if (scope === 'tag') return { scope, tag_name: target };
  return scope === 'source' ? { scope, source_id: Number(target) } : { scope };
}

function LimitFields({ typed, error, onType }: { typed: Typed; error: unknown; onType: (typed: Typed) => void }) {
  return (
    <div class="system-form">
      {LIMITS.map((name) => (
        <Field
          key={name}
          label={say(FIELDS[name])}
          hint={name === 'min_age_s' ? say('empty') : ''}
          error={error instanceof ApiError ? error.of(name) : []}
        >
          <input
            inputMode="decimal"
            pattern="[0-9]{1,7}([.,][0-9]{1,6})?"
            value={typed[name]}
            onInput={(event) => onType({ ...typed, [name]: event.currentTarget.value })}
          />
        </Field>
      ))}
    </div>
  );
}

interface RuleDialogProps {
  /** Null: a new one. */
  rule: Rule | null;
  expected: Forecast;
  onClose: () => void;
  onSaved: (rule: Rule) => void;
}

export function RuleDialog({ rule, expected, onClose, onSaved }: RuleDialogProps) {
  const [scope, setScope] = useState<Scope>(rule?.scope ?? 'all');
  const [target, setTarget] = useState(rule?.source_id ? String(rule.source_id) : '');
  const [typed, setTyped] = useState(() => typedOf(rule));
  const limits = limitsOf(typed);
  const isChosen = scope === 'all' || target !== '';
  const of = rule ? { rule_id: rule.id } : isChosen ? targetOf(scope, target) : null;
  const save = async () => {
    onSaved(await (rule ? changeRule(rule.id, limits) : addRule({ ...targetOf(scope, target), ...limits })));
  };
  const choose = (chosen: Scope) => {
    setScope(chosen);
    setTarget('');
  };
  return (
    <FormDialog
      title={rule ? say('titleEdit', { what: ruleText(rule) }) : say('titleAdd')}
      save={save}
      onClose={onClose}
    >
      {(error) => (
        <>
          {!rule && <Target scope={scope} target={target} onScope={choose} onTarget={setTarget} />}
          <LimitFields typed={typed} error={error} onType={setTyped} />
          <Preview limits={limits} of={of} expected={expected} />
          <Failure error={error} />
        </>
      )}
    </FormDialog>
  );
}
