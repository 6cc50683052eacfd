/** Health: what recording needs, processes, what waits, clocks, and each camera with its last interruption. */

import { type Health, health, type ServiceHealth, type SourceHealth } from '../api/system';
import { cameraName, toldName } from '../cameras';
import { causeText } from '../causes';
import { bytesText, durationText, momentText, nowMs, numberText } from '../instants';
import { useAsked } from '../parts/asked';
import { CameraSaid } from '../parts/camerasaid';
import { Link } from '../parts/link';
import { Empty } from '../parts/shown';
import { type Column, Table } from '../parts/table';
import { say as sayPart } from '../parts/words';
import { say } from './healthwords';
import { Badge, Fact, type Kind, Loaded, Warning, When } from './shared';

const EVERY_MS = 5000;
/** Footage that is older is late: a fragment takes a second or two, a picture camera's some ten. */
const LATE_S = 30;
const BROWSER_OFF_MS = 2000;
const PARTS = ['database', 'broker', 'storage', 'recorder'] as const;
const CURES = { database: 'noDatabase', broker: 'noBroker', storage: 'noStorage', recorder: 'noRecorder' } as const;
const COUNTS = [
  'missing_segments',
  'faulty_segments',
  'unhashed_records',
  'doomed_files',
  'sync_waiting',
  'untold_notices',
] as const;

function Parts({ service }: { service: ServiceHealth }) {
  const missing = PARTS.filter((part) => !service.parts[part]);
  return (
    <section class="panel stack">
      <h2>{say(missing.length ? 'notWell' : 'allWell')}</h2>
      {missing.map((part) => (
        <Warning key={part} kind="danger">
          {say(CURES[part])}
        </Warning>
      ))}
      <dl class="system-facts">
        {PARTS.map((part) => (
          <Fact key={part} name={say(part)}>
            <Badge kind={service.parts[part] ? 'good' : 'danger'}>
              {say(service.parts[part] ? 'works' : 'missing')}
            </Badge>
          </Fact>
        ))}
      </dl>
    </section>
  );
}

function Processes({ service }: { service: ServiceHealth }) {
  return (
    <section class="panel stack">
      <h3>{say('processes')}</h3>
      <dl class="system-facts">
        {service.processes.map(({ role, pid }) => (
          <Fact key={role} name={say(role)}>
            {pid === null ? <span class="muted">{say('notRunning')}</span> : say('running', { pid: String(pid) })}
          </Fact>
        ))}
      </dl>
      {service.recorders.length > 0 && <h3>{say('recorders')}</h3>}
      <ul class="stack">
        {service.recorders.map((one) => (
          <li key={one.id} class="stack system-recorder">
            <span class="row">
              <strong>{one.host}</strong>
              <Badge kind={one.is_seen ? 'good' : undefined}>{say(one.is_seen ? 'lives' : 'gone')}</Badge>
              <span class="small muted">{say('seen', { time: momentText(Date.parse(one.seen_utc)) })}</span>
            </span>
            <span class="small">
              {say('holds', { n: one.source_ids.length })}
              {one.source_ids.length > 0 && `: ${one.source_ids.map(cameraName).join(', ')}`}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Behind({ behind }: { behind: ServiceHealth['behind'] }) {
  const kindOf = (name: (typeof COUNTS)[number]): Kind | undefined => {
    if (!behind[name]) return 'good';
    return name === 'missing_segments' || name === 'faulty_segments' ? 'danger' : undefined;
  };
  const length = (seconds: number | null) => (seconds === null ? '–' : durationText(seconds * 1000));
  return (
    <section class="panel stack">
      <h3>{say('behind')}</h3>
      <dl class="system-facts">
        {COUNTS.map((name) => (
          <Fact key={name} name={say(name)}>
            <Badge kind={kindOf(name)}>{numberText(behind[name])}</Badge>
          </Fact>
        ))}
        <Fact name={say('ledger_s')}>{length(behind.ledger_s)}</Fact>
        <Fact name={say('verified_age_s')}>{length(behind.verified_age_s)}</Fact>
      </dl>
    </section>
  );
}

function Versions({ service }: { service: ServiceHealth }) {
  const { is_set: isSet, step_s: stepS, step_utc: stepUtc } = service.clock;
  const offMs = Date.now() - nowMs();
  const off = { seconds: numberText(Math.abs(offMs) / 1000, 1) };
  const step = stepS !== null && stepUtc !== null;
  return (
    <section class="panel stack">
      <h3>{say('versions')}</h3>
      <dl class="system-facts">
        <Fact name={say('version')}>{service.version}</Fact>
        <Fact name={say('python')}>{service.python}</Fact>
        <Fact name={say('database')}>{service.database}</Fact>
        <Fact name={say('clock')}>
          <Badge kind={isSet ? 'good' : 'danger'}>{say(isSet ? 'clockSet' : 'clockUnset')}</Badge>
          <span class="small muted system-detail">
            {step
              ? say('step', { seconds: numberText(stepS, 1), time: momentText(Date.parse(stepUtc)) })
              : say('noStep')}
          </span>
        </Fact>
        <Fact name={say('browser')}>
          {Math.abs(offMs) < BROWSER_OFF_MS ? say('same') : say(offMs > 0 ? 'ahead' : 'late', off)}
        </Fact>
      </dl>
    </section>
  );
}

function Name({ source }: { source: SourceHealth }) {
  return (
    <Link page="timeline" query={{ cameras: String(source.source_id) }}>
      {toldName(source)}
    </Link>
  );
}

function Lag({ source }: { source: SourceHealth }) {
  if (!source.is_wanted) return <span class="muted">{say('idle')}</span>;
  const isLate = source.lag_s === null || source.lag_s > LATE_S;
  return (
    <>
      <Badge kind={isLate ? 'danger' : 'good'}>
        {source.lag_s === null ? '–' : say('old', { time: durationText(source.lag_s * 1000) })}
      </Badge>
      {source.recorder_id === null && <span class="small system-detail">{say('noRecorderOf')}</span>}
    </>
  );
}

function Interruption({ source }: { source: SourceHealth }) {
  if (source.last_utc === null) return <span class="muted">–</span>;
  return (
    <>
      {causeText(source.last_reason ?? 'unknown')}, <When utc={source.last_utc} />
      {source.last_detail && (
        <span class="small muted system-detail">
          <CameraSaid detail={source.last_detail} />
        </span>
      )}
    </>
  );
}

function Status({ source }: { source: SourceHealth }) {
  const kind = source.status === 'online' ? 'good' : source.status === 'unknown' ? undefined : 'danger';
  return (
    <>
      <Badge kind={kind}>{sayPart(source.status)}</Badge>
      {source.status_detail && (
        <span class="small muted system-detail">
          <CameraSaid detail={source.status_detail} />
        </span>
      )}
    </>
  );
}

const columns = (): Column<SourceHealth>[] => [
  {
    name: 'camera',
    label: say('camera'),
    cell: (source) => <Name source={source} />,
    order: toldName,
  },
  {
    name: 'status',
    label: say('status'),
    cell: (source) => <Status source={source} />,
    order: (source) => source.status,
  },
  { name: 'lag', label: say('lag'), cell: (source) => <Lag source={source} />, order: (source) => source.lag_s },
  {
    name: 'reconnects',
    label: say('reconnects'),
    cell: (source) => numberText(source.reconnects_day),
    order: (source) => source.reconnects_day,
  },
  {
    name: 'reason',
    label: say('reason'),
    cell: (source) => <Interruption source={source} />,
    order: (source) => source.last_utc,
  },
  {
    name: 'offset',
    label: say('offset'),
    cell: (source) => (source.clock_offset_s === null ? '–' : `${numberText(source.clock_offset_s, 1)} s`),
    order: (source) => source.clock_offset_s,
  },
  {
    name: 'kept',
    label: say('kept'),
    cell: (source) => `${durationText(source.kept_s * 1000)}, ${bytesText(source.kept_bytes)}`,
    order: (source) => source.kept_bytes,
  },
];

function Cameras({ found }: { found: Health }) {
  if (!found.sources.length) return <Empty title={say('noCameras')} />;
  return (
    <section class="panel stack">
      <h3>{say('cameras')}</h3>
      <Table caption={say('cameras')} columns={columns()} rows={found.sources} keyOf={({ source_id: id }) => id} />
    </section>
  );
}

export function HealthTab() {
  const asked = useAsked(health, '', EVERY_MS);
  return (
    <Loaded asked={asked}>
      {(found) => (
        <>
          {found.service && (
            <>
              <Parts service={found.service} />
              <div class="system-cards">
                <Processes service={found.service} />
                <Behind behind={found.service.behind} />
                <Versions service={found.service} />
              </div>
            </>
          )}
          <Cameras found={found} />
        </>
      )}
    </Loaded>
  );
}
