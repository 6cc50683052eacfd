/** A month, in which a day is chosen; days of which something was recorded have a mark. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiError } from '../api/call';
import { intervalOf, timeline } from '../api/footage';
import { formatter, nowMs } from '../instants';
import { DAY_MS } from '../lengths';
import { chosen } from '../moment';
import { IconButton } from '../parts/button';
import { language } from '../words';
import type { Wall, Zone } from '../zones';
import { type Day, daysOf, type Month, monthAfter, weekBegin } from './month';
import { say } from './words';

const RESOLUTION_S = 300; // some nine thousand steps of a month, as many as the service gives

/** The days of a month of which there is footage of a shown camera, by their numbers. */
function useRecorded(month: Month, zone: Zone): ReadonlySet<number> {
  const found = useSignal<ReadonlySet<number>>(new Set());
  const ids = chosen.value.join();
  useEffect(() => {
    const ending = new AbortController();
    const begin = (day: number) => zone.dayStart(month.year, month.month, day);
    const next = monthAfter(month, 1);
    const endMs = Math.min(zone.dayStart(next.year, next.month, 1), nowMs());
    found.value = new Set();
    if (begin(1) >= endMs || !ids) return;
    timeline(ids.split(',').map(Number), begin(1), endMs, RESOLUTION_S, ending.signal)
      .then(({ sources }) => {
        const spans = sources.flatMap((one) => one.spans.map(intervalOf));
        const days = Array.from({ length: 31 }, (_, index) => index + 1);
        const isIn = (day: number) => spans.some((one) => one.startMs < begin(day + 1) && one.endMs > begin(day));
        found.value = new Set(days.filter(isIn));
      })
      .catch((error: unknown) => {
        if (!(error instanceof ApiError || ending.signal.aborted)) throw error; // days without marks can be chosen, too
      });
    return () => ending.abort();
  }, [month.year, month.month, zone, ids]);
  return found.value;
}

interface CalendarProps {
  /** What is chosen now. */
  wall: Wall;
  zone: Zone;
  onChoose: (day: Day) => void;
}

const HALF_DAY_MS = DAY_MS / 2;
const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
const PAGES: Record<string, number> = { PageUp: -1, PageDown: 1 };

const noonMs = (zone: Zone, { year, month, day }: Day): number => zone.dayStart(year, month, day) + HALF_DAY_MS;
const isSame = (one: Day, other: Day): boolean =>
  one.day === other.day && one.month === other.month && one.year === other.year;

/** The day that a key leads to; null where it leads nowhere. */
function dayByKey({ key }: KeyboardEvent, { year, month, day }: Day): Day | null {
  const [step, pages] = [STEPS[key], PAGES[key]];
  if (step === undefined && pages === undefined) return null;
  const date = new Date(Date.UTC(year, month - 1, day));
  if (step !== undefined) date.setUTCDate(day + step);
  else date.setUTCMonth(month - 1 + (pages ?? 0), Math.min(day, 28));
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

interface DayButtonProps {
  one: Day;
  zone: Zone;
  isChosen: boolean;
  isRecorded: boolean;
  isOther: boolean;
  isStop: boolean;
  onChoose: (day: Day) => void;
}

function DayButton({ one, zone, isChosen, isRecorded, isOther, isStop, onChoose }: DayButtonProps) {
  const name = formatter({ dateStyle: 'full' }).format(noonMs(zone, one));
  return (
    <button
      type="button"
      aria-label={isRecorded ? `${name}, ${say('recorded')}` : name}
      aria-pressed={isChosen}
      aria-current={isSame(one, zone.wall(nowMs())) ? 'date' : undefined}
      data-recorded={isRecorded}
      data-other={isOther}
      disabled={zone.dayStart(one.year, one.month, one.day) > nowMs()}
      tabIndex={isStop ? 0 : -1}
      onClick={() => onChoose(one)}
    >
      {one.day}
    </button>
  );
}

interface MonthTableProps extends CalendarProps {
  month: Month;
  title: string;
}

function WeekDays({ week, zone }: { week: Day[] | undefined; zone: MonthTableProps['zone'] }) {
  return (
    <thead>
      <tr>
        {week?.map((one) => (
          <th key={one.day} scope="col">
            {formatter({ weekday: 'short' }).format(noonMs(zone, one))}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function MonthTable({ month, title, wall, zone, onChoose }: MonthTableProps) {
  const body = useRef<HTMLTableSectionElement>(null);
  const recorded = useRecorded(month, zone);
  const weeks = daysOf(month, weekBegin(language.value));
  const isTurned = month.year !== wall.year || month.month !== wall.month;
  const move = (event: KeyboardEvent) => {
    const day = dayByKey(event, wall);
    if (!day || zone.dayStart(day.year, day.month, day.day) > nowMs()) return;
    event.preventDefault();
    onChoose(day);
    requestAnimationFrame(() => body.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus());
  };
  const cell = (one: Day) => {
    const isOther = one.month !== month.month;
    return (
      <td key={one.day}>
        <DayButton
          {...{ one, zone, isOther, onChoose }}
          isChosen={isSame(one, wall)}
          isRecorded={!isOther && recorded.has(one.day)}
          isStop={isSame(one, wall) || (isTurned && !isOther && one.day === 1)}
        />
      </td>
    );
  };
  return (
    <table aria-label={title}>
      <WeekDays week={weeks[0]} zone={zone} />
      <tbody ref={body} onKeyDown={move}>
        {weeks.map((week) => (
          <tr key={`${week[0]?.month} ${week[0]?.day}`}>{week.map(cell)}</tr>
        ))}
      </tbody>
    </table>
  );
}

export function Calendar({ wall, zone, onChoose }: CalendarProps) {
  const shown = useSignal<Month>({ year: wall.year, month: wall.month });
  useEffect(() => {
    shown.value = { year: wall.year, month: wall.month };
  }, [wall.year, wall.month]);
  const month = shown.value;
  const title = formatter({ month: 'long', year: 'numeric' }).format(noonMs(zone, { ...month, day: 15 }));
  const turn = (count: number) => {
    shown.value = monthAfter(month, count);
  };
  return (
    <div class="calendar">
      <div class="calendar-head">
        <IconButton icon="left" label={say('monthBefore')} onClick={() => turn(-1)} />
        <strong aria-live="polite">{title}</strong>
        <IconButton icon="right" label={say('monthAfter')} onClick={() => turn(1)} />
      </div>
      <MonthTable {...{ month, title, wall, zone, onChoose }} />
    </div>
  );
}
