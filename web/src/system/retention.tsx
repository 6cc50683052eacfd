/** Retention: the rules, who may change them with what would follow, why a moment is kept, and pins. */

import { useState } from 'preact/hooks';
import {
  activePins,
  type Forecast,
  forecast,
  type LimitName,
  type Pin,
  type Rule,
  removeRule,
  rules,
} from '../api/system';
import { cameraName } from '../cameras';
import { bytesText, durationText, isoOf, momentText, spanText } from '../instants';
import { DAY_MS } from '../lengths';
import { mayConfigure } from '../me';
import { useAsked } from '../parts/asked';
import { Button } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { Link } from '../parts/link';
import { type Column, Table } from '../parts/table';
import { toast } from '../parts/toasts';
import { Explain } from './explain';
import { say } from './retentionwords';
import { RuleDialog } from './ruledialog';
import { limitText, ruleText } from './ruletexts';
import { Badge, Loaded, When } from './shared';
import { say as sayShared } from './words';

interface Known {
  list: Rule[];
  expected: Forecast;
  pins: Pin[];
}

async function askAll(signal: AbortSignal): Promise<Known> {
  const [list, expected, pins] = await Promise.all([rules(signal), forecast(signal), activePins(signal)]);
  return { list, expected, pins };
}

type Open = { kind: 'edit'; rule: Rule | null } | { kind: 'remove'; rule: Rule } | null;

const limitColumn = (name: LimitName): Column<Rule> => ({
  name,
  label: say(name),
  cell: (rule) => {
    const value = rule[name];
    return value === null ? <span class="muted">–</span> : limitText(name, value);
  },
  order: (rule) => rule[name],
});

function Met({ rule, expected }: { rule: Rule; expected: Forecast }) {
  const told = expected.rules.find((one) => one.rule_id === rule.id);
  if (!told || told.is_met === null || told.needed_bytes === null) return <span class="muted">–</span>;
  const bytes = bytesText(told.needed_bytes);
  return <Badge kind={told.is_met ? 'good' : 'danger'}>{say(told.is_met ? 'isMet' : 'isNotMet', { bytes })}</Badge>;
}

function columnsOf(expected: Forecast, open: (what: Open) => void): Column<Rule>[] {
  const found: Column<Rule>[] = [
    { name: 'scope', label: say('scope'), cell: ruleText, order: ruleText },
    limitColumn('min_age_s'),
    limitColumn('max_age_s'),
    limitColumn('min_bytes'),
    limitColumn('max_bytes'),
    { name: 'met', label: say('met'), cell: (rule) => <Met rule={rule} expected={expected} /> },
    {
      name: 'changed',
      label: say('changed'),
      cell: (rule) => say('by', { time: momentText(Date.parse(rule.changed_utc)), name: rule.actor }),
      order: (rule) => rule.changed_utc,
    },
  ];
  if (!mayConfigure) return found;
  const actions = (rule: Rule) => (
    <span class="row">
      <Button aria-label={`${say('edit')}: ${ruleText(rule)}`} onClick={() => open({ kind: 'edit', rule })}>
        {say('edit')}
      </Button>
      <Button
        kind="quiet"
        aria-label={`${say('remove')}: ${ruleText(rule)}`}
        onClick={() => open({ kind: 'remove', rule })}
      >
        {say('remove')}
      </Button>
    </span>
  );
  return [...found, { name: 'actions', label: sayShared('actions'), cell: actions }];
}

function pinColumns(): Column<Pin>[] {
  const at = (pin: Pin) => ({ cameras: String(pin.source_id), at: isoOf(Date.parse(pin.start_utc)) });
  return [
    {
      name: 'span',
      label: say('span'),
      cell: (pin) => (
        <Link page="timeline" query={at(pin)}>
          {spanText(Date.parse(pin.start_utc), Date.parse(pin.end_utc))}
        </Link>
      ),
      order: (pin) => pin.start_utc,
    },
    {
      name: 'camera',
      label: say('camera'),
      cell: (pin) => cameraName(pin.source_id),
      order: (pin) => cameraName(pin.source_id),
    },
    { name: 'reason', label: say('reason'), cell: (pin) => pin.reason, order: (pin) => pin.reason },
    { name: 'owner', label: say('owner'), cell: (pin) => pin.owner, order: (pin) => pin.owner },
    {
      name: 'expires',
      label: say('expires'),
      cell: (pin) => <When utc={pin.expires_utc} />,
      order: (pin) => pin.expires_utc,
    },
  ];
}

function Pins({ pins }: { pins: Pin[] }) {
  return (
    <section class="panel stack">
      <h2>{say('pins')}</h2>
      <p class="small muted">{say('pinsAbout')}</p>
      {pins.length ? (
        <Table caption={say('pins')} columns={pinColumns()} rows={pins} keyOf={(pin) => pin.id} />
      ) : (
        <p class="muted">{say('noPins')}</p>
      )}
    </section>
  );
}

function Rules({ known, open }: { known: Known; open: (what: Open) => void }) {
  const { reachable_days: days, bytes_s: rate } = known.expected;
  return (
    <section class="panel stack">
      <div class="row">
        <h2>{say('rules')}</h2>
        <span class="spring" />
        {mayConfigure && (
          <Button kind="main" icon="plus" onClick={() => open({ kind: 'edit', rule: null })}>
            {say('add')}
          </Button>
        )}
      </div>
      <p class="small muted">{say('about')}</p>
      <p class="small">
        {days === null ? say('nowUnknown') : say('now', { rate: bytesText(rate), time: durationText(days * DAY_MS) })}
      </p>
      {known.list.length ? (
        <Table
          caption={say('rules')}
          columns={columnsOf(known.expected, open)}
          rows={known.list}
          keyOf={(rule) => rule.id}
        />
      ) : (
        <p class="muted">{say('noRules')}</p>
      )}
    </section>
  );
}

function RemoveDialog({ rule, onClose, onDone }: { rule: Rule; onClose: () => void; onDone: () => void }) {
  const what = ruleText(rule);
  return (
    <Confirm
      title={say('titleRemove', { what })}
      action={say('actRemove', { what })}
      act={() => removeRule(rule.id)}
      onClose={onClose}
      onDone={onDone}
    >
      <p>{say('textRemove')}</p>
    </Confirm>
  );
}

export function RetentionTab() {
  const asked = useAsked(askAll);
  const [shown, setShown] = useState<Open>(null);
  const close = () => setShown(null);
  const removed = (rule: Rule) => {
    toast(say('removed', { what: ruleText(rule) }));
    asked.again();
  };
  return (
    <Loaded asked={asked}>
      {(known) => (
        <>
          <Rules known={known} open={setShown} />
          <Explain />
          <Pins pins={known.pins} />
          {shown?.kind === 'edit' && (
            <RuleDialog
              rule={shown.rule}
              expected={known.expected}
              onClose={close}
              onSaved={(rule) => {
                toast(say('saved', { what: ruleText(rule) }));
                close();
                asked.again();
              }}
            />
          )}
          {shown?.kind === 'remove' && (
            <RemoveDialog rule={shown.rule} onClose={close} onDone={() => removed(shown.rule)} />
          )}
        </>
      )}
    </Loaded>
  );
}
