/** Findings and comments one below another, in step with the film: what is shown now is marked and kept in sight. */
import { computed } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Comment } from '../api/files';
import { SEVERITIES, type Severity } from '../api/severity';
import { numberText } from '../instants';
import { Button, IconButton } from '../parts/button';
import { Field } from '../parts/field';
import { isAt, LANES, type Lane, lastBegun, type Mark, type MarkFilter, NO_FILTER } from './marks';
import type { Playing } from './playing';
import { say } from './reviewwords';
import { spanOf } from './seconds';
import { SeverityMark, SeverityWord, severityText } from './severity';

const PORTION = 200;

function toggled<Value>(values: Value[], value: Value): Value[] {
  return values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
}

interface FilterProps {
  filter: MarkFilter;
  violations: string[];
  /** How many marks there are of each severity, without a filter. */
  counts: Partial<Record<Severity, number>>;
  onChange: (filter: MarkFilter) => void;
}

function Chip({ isOn, toggle, children }: { isOn: boolean; toggle: () => void; children: ComponentChildren }) {
  return (
    <button type="button" class="button files-chip" aria-pressed={isOn} onClick={toggle}>
      {children}
    </button>
  );
}

function Severities({ filter, counts, onChange }: Omit<FilterProps, 'violations'>) {
  const { severities } = filter;
  const offered = SEVERITIES.toReversed().filter((severity) => counts[severity] || severities.includes(severity));
  return (
    <fieldset class="files-chips">
      <legend class="unseen">{say('severity')}</legend>
      {offered.map((severity) => (
        <Chip
          key={severity}
          isOn={severities.includes(severity)}
          toggle={() => onChange({ ...filter, severities: toggled(severities, severity) })}
        >
          <SeverityMark severity={severity} />
          {severityText(severity)} <span class="muted numbers">{counts[severity] ?? 0}</span>
        </Chip>
      ))}
    </fieldset>
  );
}

export function MarkFilters({ filter, violations, counts, onChange }: FilterProps) {
  const { lanes, violation } = filter;
  return (
    <div class="files-filters">
      <Severities filter={filter} counts={counts} onChange={onChange} />
      <fieldset class="files-chips">
        <legend class="unseen">{say('author')}</legend>
        {LANES.map((lane) => (
          <Chip
            key={lane}
            isOn={lanes.includes(lane)}
            toggle={() => onChange({ ...filter, lanes: toggled(lanes, lane) })}
          >
            {say(lane)}
          </Chip>
        ))}
      </fieldset>
      {violations.length > 1 && (
        <Field label={say('violation')}>
          <select value={violation} onChange={(event) => onChange({ ...filter, violation: event.currentTarget.value })}>
            <option value="">{say('allViolations')}</option>
            {violations.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </Field>
      )}
    </div>
  );
}

const BY: Record<Lane, 'byFinding' | 'byAi' | 'byUser'> = { finding: 'byFinding', ai: 'byAi', user: 'byUser' };

interface ItemProps {
  mark: Mark;
  isNow: boolean;
  isReached: boolean;
  onJump: ((mark: Mark) => void) | null;
  onEdit: ((comment: Comment) => void) | null;
  onRemove: ((comment: Comment) => void) | null;
}

function Place({ mark, onJump }: { mark: Mark; onJump: ItemProps['onJump'] }) {
  const span = spanOf(mark.startS, mark.endS);
  const page = mark.page === null ? '' : say('page', { n: mark.page });
  if (!span) return <span class="small muted">{page || say('wholeFile')}</span>;
  if (!onJump) return <span class="numbers">{span}</span>;
  return (
    <button type="button" class="files-jump numbers" title={say('jump', { time: span })} onClick={() => onJump(mark)}>
      {span}
    </button>
  );
}

/** What was said, as which violation. */
function Saying({ mark: { violation, text, lane } }: { mark: ItemProps['mark'] }) {
  return (
    <>
      {violation && (
        <strong>
          <bdi>{violation}</bdi>
        </strong>
      )}
      {text && (
        <p class="files-said" dir="auto">
          {lane === 'finding' ? <q>{text}</q> : text}
        </p>
      )}
    </>
  );
}

function Item({ mark, isNow, isReached, onJump, onEdit, onRemove }: ItemProps) {
  const { comment, lane, severity, confidence } = mark;
  const box = useRef<HTMLLIElement>(null);
  useEffect(() => {
    const list = box.current?.closest('ol');
    const item = box.current;
    if (!isReached || !list || !item || list.matches(':hover, :focus-within')) return;
    list.scrollTop = item.offsetTop - list.offsetTop - list.clientHeight / 3;
  }, [isReached]);
  return (
    <li ref={box} class="files-mark" data-lane={lane} data-severity={severity} aria-current={isNow || undefined}>
      <div class="row">
        <SeverityWord severity={severity} />
        <span class="spring" />
        <Place mark={mark} onJump={onJump} />
      </div>
      <Saying mark={mark} />
      <div class="row small muted">
        <span class="files-author" data-lane={lane}>
          {say(lane)}
        </span>
        <bdi class="unseen">{say(BY[lane], { name: comment?.actor ?? '' })}</bdi>
        {lane === 'user' && <bdi>{comment?.actor}</bdi>}
        {confidence !== null && <span>{say('confidence', { n: numberText(confidence * 100) })}</span>}
        <span class="spring" />
        {comment && onEdit && <IconButton icon="edit" label={say('editComment')} onClick={() => onEdit(comment)} />}
        {comment && onRemove && (
          <IconButton icon="bin" label={say('removeComment')} onClick={() => onRemove(comment)} />
        )}
      </div>
    </li>
  );
}

interface ListProps extends Pick<ItemProps, 'onJump' | 'onEdit' | 'onRemove'> {
  marks: Mark[];
  total: number;
  playing: Playing;
  onClear: (filter: MarkFilter) => void;
}

/** The keys of the mark that was reached last, and of those that are shown now; drawn anew only when these change. */
function useShown(marks: Mark[], playing: Playing): string[] {
  const shown = useMemo(
    () =>
      computed(() => {
        const timeS = playing.timeS.value;
        if (timeS <= 0 || playing.durationS.value <= 0) return '';
        const now = marks.filter((mark) => isAt(mark, timeS));
        return [lastBegun(marks, timeS), ...now].map((mark) => mark?.key ?? '').join(' ');
      }),
    [marks, playing],
  );
  return shown.value.split(' ');
}

export function MarkList({ marks, total, playing, onClear, ...actions }: ListProps) {
  const [most, setMost] = useState(PORTION);
  const [reachedKey, ...nowKeys] = useShown(marks, playing);
  const reachedAt = marks.findIndex((mark) => mark.key === reachedKey);
  const shown = marks.slice(0, Math.max(most, reachedAt + PORTION / 2));
  if (!marks.length)
    return (
      <div class="files-no-marks">
        <p class="muted">{say(total ? 'noneMatch' : 'noMarks')}</p>
        {total > 0 && <Button onClick={() => onClear(NO_FILTER)}>{say('clear')}</Button>}
      </div>
    );
  return (
    <>
      <ol class="files-marks" aria-label={say('marks')}>
        {shown.map((mark) => (
          <Item
            key={mark.key}
            mark={mark}
            isNow={nowKeys.includes(mark.key)}
            isReached={mark.key === reachedKey}
            {...actions}
          />
        ))}
        {shown.length < marks.length && (
          <li>
            <Button onClick={() => setMost(shown.length + PORTION)}>{say('showMore')}</Button>
          </li>
        )}
      </ol>
      <p class="small muted">{say('shownOf', { shown: shown.length, n: total })}</p>
    </>
  );
}
