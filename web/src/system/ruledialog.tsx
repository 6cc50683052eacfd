/** The form of a rule: what it is of, its four limits, and what would follow from them. */

import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api/call';
import {
  addRule,
  changeRule,
  type Forecast,
  LIMITS,
  type LimitName,
  type Limits,
  type NewRule,
  type Rule,
  type Scope,
  tags,
} from '../api/system';
import { cameras, groups } from '../cameras';
import { bytesText, durationText } from '../instants';
import { DAY_MS } from '../lengths';
import { Field } from '../parts/field';
import { FormDialog } from '../parts/formdialog';
import { ErrorText } from '../parts/shown';
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

/** What the minimum of a rule for all cameras or one would take; null where it has none, or no rate is known. */
function neededBytes(limits: Limits, scope: Scope, target: string, expected: Forecast): number | null {
  if (limits.min_age_s === null) return null;
  if (scope === 'all') return expected.bytes_s ? expected.bytes_s * limits.min_age_s : null;
  if (scope !== 'source') return null;
  const rate = expected.sources.find((one) => String(one.source_id) === target)?.bytes_s ?? null;
  return rate === null ? null : rate * limits.min_age_s;
}

/** What would follow, as far as the page can tell before it is saved. */
function Preview({ limits, needed, expected }: { limits: Limits; needed: number | null; expected: Forecast }) {
  const room = expected.capacity_bytes === null ? null : Math.max(expected.capacity_bytes - expected.pinned_bytes, 0);
  const { max_age_s: most } = limits;
  return (
    <section class="stack system-preview" aria-live="polite">
      <h3>{say('forecast')}</h3>
      <p class="small">
        {expected.reachable_days === null
          ? say('nowUnknown')
          : say('now', { rate: bytesText(expected.bytes_s), time: durationText(expected.reachable_days * DAY_MS) })}
      </p>
      {needed !== null && room !== null && (
        <p class="small">
          {say(needed > room ? 'needsMore' : 'needs', { bytes: bytesText(needed), room: bytesText(room) })}
        </p>
      )}
      {most !== null && <Warning>{say('shortens', { time: durationText(most * 1000) })}</Warning>}
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
  return <ErrorText error={error} />;
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

function newRule(scope: Scope, target: string, limits: Limits): NewRule {
  if (scope === 'group') return { ...limits, scope, group_name: target };
  if (scope === 'tag') return { ...limits, scope, tag_name: target };
  return scope === 'source' ? { ...limits, scope, source_id: Number(target) } : { ...limits, scope };
}

function LimitFields({ typed, error, onType }: { typed: Typed; error: unknown; onType: (typed: Typed) => void }) {
  return (
    <div class="system-form">
      {LIMITS.map((name) => (
        <Field
          key={name}
          label={say(FIELDS[name])}
          hint={name === 'min_age_s' ? say('empty') : ''}
          error={error instanceof ApiError ? error.of(name) : ''}
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
  const save = async () => {
    onSaved(await (rule ? changeRule(rule.id, limits) : addRule(newRule(scope, target, limits))));
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
          <Preview limits={limits} needed={neededBytes(limits, scope, target, expected)} expected={expected} />
          <Failure error={error} />
        </>
      )}
    </FormDialog>
  );
}
