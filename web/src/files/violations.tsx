/** Choosing a violation: a combobox over the base list, searched in all its texts; any other words stand as they are. */
import type { TargetedInputEvent } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { listViolations, type Violation } from '../api/files';
import { ErrorText } from '../parts/shown';
import { say } from './reviewwords';

const MOST = 50;

/** Rows that hold each word that was typed, in any of their texts, in capitals or not. */
export function found(rows: readonly Violation[], typed: string): Violation[] {
  const words = typed.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const textOf = ({ code, violations, context }: Violation) => `${code} ${violations} ${context}`.toLocaleLowerCase();
  return rows.filter((row) => words.every((word) => textOf(row).includes(word))).slice(0, MOST);
}

interface ComboProps {
  /** Code or name of a row of the list, or other words; empty for none. */
  value: string;
  onChange: (value: string) => void;
}

function useList() {
  const [rows, setRows] = useState<Violation[]>([]);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    listViolations().then(setRows, setError);
  }, []);
  return { rows, error };
}

function Option({ row, id, isActive, onPick }: { row: Violation; id: string; isActive: boolean; onPick: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isActive) box.current?.scrollIntoView({ block: 'nearest' });
  }, [isActive]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the keys of the whole list (WAI-ARIA APG, combobox)
    <div ref={box} id={id} role="option" aria-selected={isActive} tabIndex={-1} onClick={onPick}>
      <strong>{row.violations}</strong> <span class="badge">{row.age || row.mark}</span>
      {row.context && <span class="small muted">{row.context}</span>}
    </div>
  );
}

/** The list as a combobox has it: what fits, which of it is chosen by the arrows, and the keys (WAI-ARIA APG). */
function useCombo({ value, onChange }: ComboProps, rows: readonly Violation[]) {
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const matches = isOpen ? found(rows, rows.some((row) => row.code === value) ? '' : value) : [];
  const pick = (row: Violation | undefined) => {
    if (row) onChange(row.code);
    setOpen(false);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step) {
      setOpen(true);
      setActive(matches.length ? (active + step + matches.length) % matches.length : 0);
    } else if (event.key === 'Enter' && isOpen && active >= 0) pick(matches[active]);
    else if (event.key === 'Escape' && isOpen) setOpen(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onInput = (event: TargetedInputEvent<HTMLInputElement>) => {
    onChange(event.currentTarget.value);
    setOpen(true);
    setActive(-1);
  };
  const heard = {
    onKeyDown,
    onInput,
    onFocus: () => setActive(-1),
    onClick: () => setOpen(true),
    onBlur: () => setTimeout(() => setOpen(false), 150),
  };
  return { isOpen, active, matches, pick, heard };
}

export function ViolationField(props: ComboProps) {
  const { rows, error } = useList();
  const { isOpen, active, matches, pick, heard } = useCombo(props, rows);
  const id = useId();
  const shown = rows.find((row) => row.code === props.value)?.violations ?? props.value;
  return (
    <div class="field files-combo">
      <span>
        <label for={id}>{say('violation')}</label>
      </span>
      <input
        id={id}
        role="combobox"
        autocomplete="off"
        aria-expanded={isOpen && matches.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 && matches[active] ? `${id}-${matches[active].id}` : undefined}
        aria-describedby={`${id}-hint`}
        maxLength={255}
        value={shown}
        {...heard}
      />
      <div id={`${id}-list`} role="listbox" aria-label={say('violation')} hidden={!matches.length}>
        {matches.map((row, number) => (
          <Option key={row.id} row={row} id={`${id}-${row.id}`} isActive={number === active} onPick={() => pick(row)} />
        ))}
      </div>
      <span id={`${id}-hint`} class="field-hint">
        {say('violationHint')}
      </span>
      <ErrorText error={error} />
    </div>
  );
}
