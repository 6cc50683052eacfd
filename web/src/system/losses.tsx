/** Losses: what was to be recorded and was not, by camera and cause, with the longest gaps and a way to each. */

import { type LossGap, losses, lossesTableAddress, type SourceLoss } from '../api/system';
import { toldName } from '../cameras';
import { causeText } from '../causes';
import { dayText, durationText, isoOf, momentText, nowMs, numberText, zoneName } from '../instants';
import { useAsked } from '../parts/asked';
import { Link } from '../parts/link';
import { Empty } from '../parts/shown';
import { type Column, Table } from '../parts/table';
import { changeQuery, route } from '../route';
import { zoneOf } from '../zones';
import { say } from './losseswords';
import { isRange, NAMES, type RangeName, rangeOf } from './lossranges';
import { Badge, Fact, type Kind, Loaded, When } from './shared';

/** Before a gap so much is shown too. */
const BEFORE_MS = 5000;
const MOST_GAPS = 20;
/** What was recorded once and is not there any more (app/archive/causes.py). */
const RECORDED_ONCE = new Set(['deleted', 'unreadable']);

const lostOf = (one: SourceLoss): number => one.expected_s - one.recorded_s;

function kindOf(coverage: number): Kind {
  if (coverage >= 0.999) return 'good';
  return coverage >= 0.98 ? 'warning' : 'danger';
}

/** A part of 1 in per cent; never 100 where something is missing. */
function percentText(part: number): string {
  const shown = part < 1 ? Math.min(part * 100, 99.999) : 100;
  return `${numberText(Math.floor(shown * 1000) / 1000, 3)} %`;
}

function Causes({ one }: { one: SourceLoss }) {
  if (!one.seconds.length) return <span class="muted">{say('nothing')}</span>;
  return (
    <ul class="system-causes">
      {one.seconds.map(({ cause, seconds }) => (
        <li key={cause} data-cause={cause} data-seconds={seconds}>
          {causeText(cause)}: <strong>{durationText(seconds * 1000)}</strong>
        </li>
      ))}
    </ul>
  );
}

const columns = (): Column<SourceLoss>[] => [
  { name: 'camera', label: say('camera'), cell: toldName, order: toldName },
  {
    name: 'coverage',
    label: say('coverage'),
    cell: (one) =>
      one.coverage === null ? (
        <span class="muted">{say('notWanted')}</span>
      ) : (
        <Badge kind={kindOf(one.coverage)}>{percentText(one.coverage)}</Badge>
      ),
    order: (one) => one.coverage,
  },
  { name: 'lost', label: say('lost'), cell: (one) => durationText(lostOf(one) * 1000), order: lostOf },
  {
    name: 'expected',
    label: say('expected'),
    cell: (one) => durationText(one.expected_s * 1000),
    order: (one) => one.expected_s,
  },
  { name: 'causes', label: say('causes'), cell: (one) => <Causes one={one} /> },
  {
    name: 'settled',
    label: say('settled'),
    cell: (one) => <When utc={one.settled_utc} none="–" />,
    order: (one) => one.settled_utc,
  },
];

interface PlacedGap extends LossGap {
  camera: string;
  sourceId: number;
  lengthMs: number;
}

function worstOf(list: SourceLoss[]): PlacedGap[] {
  const all = list.flatMap((one) =>
    one.worst.map((gap) => ({
      ...gap,
      camera: toldName(one),
      sourceId: one.source_id,
      lengthMs: Date.parse(gap.end_utc) - Date.parse(gap.start_utc),
    })),
  );
  return all.toSorted((gap, other) => other.lengthMs - gap.lengthMs).slice(0, MOST_GAPS);
}

const gapColumns = (): Column<PlacedGap>[] => [
  {
    name: 'begin',
    label: say('begin'),
    cell: (gap) => {
      const startMs = Date.parse(gap.start_utc);
      return (
        <Link page="timeline" query={{ cameras: String(gap.sourceId), at: isoOf(startMs - BEFORE_MS) }}>
          {momentText(startMs)}
        </Link>
      );
    },
    order: (gap) => gap.start_utc,
  },
  { name: 'camera', label: say('camera'), cell: (gap) => gap.camera, order: (gap) => gap.camera },
  { name: 'length', label: say('length'), cell: (gap) => durationText(gap.lengthMs), order: (gap) => gap.lengthMs },
  {
    name: 'cause',
    label: say('cause'),
    cell: (gap) => (
      <>
        {causeText(gap.cause)}
        {gap.detail && <span class="small muted system-detail">{gap.detail}</span>}
      </>
    ),
    order: (gap) => causeText(gap.cause),
  },
];

function Summary({ list }: { list: SourceLoss[] }) {
  const expected = list.reduce((sum, one) => sum + one.expected_s, 0);
  const lost = list.reduce((sum, one) => sum + lostOf(one), 0);
  const gone = list
    .flatMap((one) => one.seconds)
    .reduce((sum, { cause, seconds }) => sum + (RECORDED_ONCE.has(cause) ? seconds : 0), 0);
  return (
    <section class="panel stack">
      <h2>{expected ? say('covered', { percent: percentText(1 - lost / expected) }) : say('nothingWanted')}</h2>
      <dl class="system-facts">
        <Fact name={say('expected')}>{durationText(expected * 1000)}</Fact>
        <Fact name={say('lost')}>{durationText(lost * 1000)}</Fact>
        <Fact name={say('gone')}>{durationText(gone * 1000)}</Fact>
      </dl>
      <p class="small muted">{say('about')}</p>
    </section>
  );
}

function Ranges({ chosen }: { chosen: RangeName }) {
  return (
    <fieldset class="row system-ranges">
      <legend class="unseen">{say('range')}</legend>
      {NAMES.map((name) => (
        <label key={name} class="system-choice">
          <input
            type="radio"
            name="range"
            checked={name === chosen}
            onChange={() => changeQuery({ range: name }, { replace: false })}
          />
          {say(name)}
        </label>
      ))}
    </fieldset>
  );
}

function Worst({ list }: { list: SourceLoss[] }) {
  const worst = worstOf(list);
  return (
    <section class="panel stack">
      <h3>{say('worst')}</h3>
      {worst.length ? (
        <Table
          caption={say('worst')}
          columns={gapColumns()}
          rows={worst}
          keyOf={(gap) => `${gap.sourceId} ${gap.start_utc}`}
        />
      ) : (
        <p class="muted">{say('noGaps')}</p>
      )}
    </section>
  );
}

export function LossesTab() {
  const named = route.value.query.get('range');
  const chosen = isRange(named) ? named : 'week';
  const { startMs, endMs } = rangeOf(chosen, zoneOf(zoneName()), nowMs());
  const asked = useAsked((signal) => losses(startMs, endMs, signal), `${startMs} ${endMs}`);
  const file = `losses-${isoOf(startMs).slice(0, 10)}-${isoOf(endMs).slice(0, 10)}.csv`;
  return (
    <>
      <div class="row">
        <Ranges chosen={chosen} />
        <span class="small muted">{`${dayText(startMs)} – ${momentText(endMs, startMs)}`}</span>
        <span class="spring" />
        <a class="button" href={lossesTableAddress(startMs, endMs)} download={file}>
          {say('table')}
        </a>
      </div>
      <Loaded asked={asked}>
        {(list) =>
          list.length ? (
            <>
              <Summary list={list} />
              <section class="panel stack">
                <h3>{say('byCamera')}</h3>
                <Table caption={say('byCamera')} columns={columns()} rows={list} keyOf={(one) => one.source_id} />
              </section>
              <Worst list={list} />
            </>
          ) : (
            <Empty title={say('noCameras')} />
          )
        }
      </Loaded>
    </>
  );
}
