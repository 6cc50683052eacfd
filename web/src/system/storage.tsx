/** Storages: how full they are, when they are full, what moves, and what is to be done where one does not work. */

import { type Forecast, forecast, type Health, health, type Storage, type StorageState, storages } from '../api/system';
import { bytesText, durationText, momentText, numberText } from '../instants';
import { HOUR_MS } from '../lengths';
import { useAsked } from '../parts/asked';
import { Empty } from '../parts/shown';
import { language } from '../words';
import { Badge, Fact, type Kind, Loaded, Warning, When } from './shared';
import { say } from './storagewords';

const EVERY_MS = 10_000;
/** A storage that is full within so many hours is told of, until it is: then the oldest goes all the time. */
const SOON_H = 72;
const FULL_H = 1;
const KINDS: Record<StorageState, Kind> = {
  ok: 'good',
  full: 'danger',
  read_only: 'danger',
  away: 'danger',
  slow: 'warning',
  failing: 'danger',
};
const CURES = {
  full: 'doFull',
  read_only: 'doReadOnly',
  away: 'doAway',
  slow: 'doSlow',
  failing: 'doFailing',
} as const satisfies Partial<Record<StorageState, string>>;

const writeText = (us: number): string =>
  (us / 1000).toLocaleString(language.value, { style: 'unit', unit: 'millisecond', maximumFractionDigits: 1 });

interface Whole {
  list: Storage[];
  expected: Forecast;
  whole: Health;
}

async function askAll(signal: AbortSignal): Promise<Whole> {
  const [list, expected, whole] = await Promise.all([storages(signal), forecast(signal), health(signal)]);
  return { list, expected, whole };
}

/** When the oldest footage of all cameras begins; null where there is none. */
function oldestOf(whole: Health): string | null {
  const begins = whole.sources.map((source) => source.oldest_utc).filter((one) => one !== null);
  return begins.toSorted()[0] ?? null;
}

function headText(hours: number | null): string {
  if (hours === null) return say('notFilling');
  return hours < FULL_H ? say('isFull') : say('fullIn', { time: durationText(hours * HOUR_MS) });
}

function Summary({ expected, whole }: { expected: Forecast; whole: Health }) {
  const { hours_until_full: hours, reachable_days: days } = expected;
  return (
    <section class="panel stack">
      <h2>{headText(hours)}</h2>
      {expected.rules.some((rule) => rule.is_met === false) && expected.capacity_bytes !== null && (
        <Warning>
          {say('unmet', {
            needed: bytesText(expected.needed_bytes),
            room: bytesText(Math.max(expected.capacity_bytes - expected.pinned_bytes, 0)),
          })}
        </Warning>
      )}
      <p class="muted">
        {days === null ? say('noReach') : say('reaches', { time: durationText(days * 24 * HOUR_MS) })}
      </p>
      <dl class="system-facts">
        <Fact name={say('rate')}>{say('perSecond', { bytes: bytesText(expected.bytes_s) })}</Fact>
        <Fact name={say('used')}>{bytesText(expected.used_bytes)}</Fact>
        <Fact name={say('capacity')}>
          {expected.capacity_bytes === null ? '–' : bytesText(expected.capacity_bytes)}
        </Fact>
        <Fact name={say('pinned')}>{bytesText(expected.pinned_bytes)}</Fact>
        <Fact name={say('needed')}>{bytesText(expected.needed_bytes)}</Fact>
        <Fact name={say('oldest')}>
          <When utc={oldestOf(whole)} none="–" />
        </Fact>
      </dl>
    </section>
  );
}

function Room({ storage, room }: { storage: Storage; room: number | null }) {
  if (room === null) return <p class="muted small">{say('unknownRoom')}</p>;
  return (
    <div class="stack system-room">
      <meter
        class="system-meter"
        min={0}
        max={Math.max(room, 1)}
        value={Math.min(storage.used_bytes, room)}
        aria-label={say('meter', { used: bytesText(storage.used_bytes), room: bytesText(room) })}
      />
      <span class="small">{say('meter', { used: bytesText(storage.used_bytes), room: bytesText(room) })}</span>
    </div>
  );
}

function Warnings({ storage }: { storage: Storage }) {
  const { state, state_detail: detail, hours_until_full: hours } = storage;
  if (state !== 'ok')
    return (
      <Warning kind={KINDS[state] === 'danger' ? 'danger' : 'warning'}>
        <strong>{say(state)}</strong>
        {storage.state_utc && ` ${say('since', { time: momentText(Date.parse(storage.state_utc)) })}`}.{' '}
        {say(CURES[state])}
        {detail && <span class="small system-detail">{detail}</span>}
      </Warning>
    );
  if (hours === null || hours < FULL_H || hours >= SOON_H) return null;
  return <Warning kind="info">{say('soon', { path: storage.path, time: durationText(hours * HOUR_MS) })}</Warning>;
}

function Card({ storage, expected }: { storage: Storage; expected: Forecast }) {
  const room = expected.storages.find((one) => one.storage_id === storage.id)?.capacity_bytes ?? null;
  const bytes = (value: number | null, none = '–') => (value === null ? none : bytesText(value));
  return (
    <section class="panel stack" aria-labelledby={`storage-${storage.id}`} data-storage={storage.id}>
      <div class="row">
        <h3 class="code" translate={false} id={`storage-${storage.id}`}>
          {storage.path || storage.id}
        </h3>
        <Badge kind={KINDS[storage.state]}>{say(storage.state)}</Badge>
        <Badge>{say(storage.is_cold ? 'cold' : 'hot')}</Badge>
      </div>
      <Warnings storage={storage} />
      <Room storage={storage} room={room} />
      {storage.cold_after_s !== null && (
        <p class="small">{say('coldAfter', { time: durationText(storage.cold_after_s * 1000) })}</p>
      )}
      <dl class="system-facts">
        <Fact name={say('footage')}>{numberText(storage.kept_s / 3600, 1)}</Fact>
        <Fact name={say('free')}>{bytes(storage.free_bytes)}</Fact>
        <Fact name={say('total')}>{bytes(storage.total_bytes)}</Fact>
        <Fact name={say('budget')}>{bytes(storage.budget_bytes, say('noBudget'))}</Fact>
        <Fact name={say('reserve')}>{bytesText(storage.reserve_bytes)}</Fact>
        <Fact name={say('write')}>
          {storage.write_us === null ? '–' : writeText(storage.write_us)}
          {storage.write_worst_us !== null && (
            <span class="small muted system-detail">{say('worst', { time: writeText(storage.write_worst_us) })}</span>
          )}
        </Fact>
        <Fact name={say('looked')}>
          <When utc={storage.looked_utc} />
        </Fact>
      </dl>
    </section>
  );
}

export function StorageTab() {
  const asked = useAsked(askAll, '', EVERY_MS);
  return (
    <Loaded asked={asked}>
      {({ list, expected, whole }) =>
        list.length ? (
          <>
            <Summary expected={expected} whole={whole} />
            <div class="system-cards">
              {list.map((storage) => (
                <Card key={storage.id} storage={storage} expected={expected} />
              ))}
            </div>
          </>
        ) : (
          <Empty title={say('noStorage')}>
            <p>{say('noStorageText')}</p>
          </Empty>
        )
      }
    </Loaded>
  );
}
