/** What the dialogs of pins, links and analyses have in common: of which cameras and times, until when, and how it went. */

import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { cameraName } from '../cameras';
import { nowMs, spanText, zoneName } from '../instants';
import { DAY_MS, HOUR_MS } from '../lengths';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { say as sayPart } from '../parts/words';
import { instantOf } from '../wallclock';
import { say } from './actwords';
import type { Cut } from './cut';

/** Of which cameras, from when until when. */
export function About({ cuts }: { cuts: Cut[] }) {
  const [first] = cuts;
  if (!first) return null;
  return (
    <div>
      <p class="small muted">{say('about', { span: spanText(first.startMs, first.endMs) })}</p>
      <p>{cuts.map(({ sourceId }) => cameraName(sourceId)).join(', ')}</p>
    </div>
  );
}

/** How long something is to last: `never`, a number of milliseconds, or `time` with what was typed. */
export interface Lasting {
  kind: string;
  text: string;
}

/** When it ends, in milliseconds since the epoch; null for never, undefined for what is no time in the future. */
export function endOf({ kind, text }: Lasting): number | null | undefined {
  if (kind === 'never') return null;
  if (kind !== 'time') return nowMs() + Number(kind);
  const ms = instantOf(text, zoneName());
  return ms !== null && ms > nowMs() ? ms : undefined;
}

const lengthText = (ms: number): string =>
  ms < DAY_MS ? say('hours', { n: ms / HOUR_MS }) : say('days', { n: ms / DAY_MS });

interface LastingFieldProps {
  lasting: Lasting;
  isEndless: boolean;
  isWrong: boolean;
  onChange: (lasting: Lasting) => void;
}

/** Asks until when: after some usual lengths, at a time, or (where that may be) never. */
export function LastingField({ lasting, isEndless, isWrong, onChange }: LastingFieldProps) {
  const lengths = [HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 365 * DAY_MS];
  return (
    <>
      <Field label={say('expiry')}>
        <select value={lasting.kind} onChange={(event) => onChange({ ...lasting, kind: event.currentTarget.value })}>
          {isEndless && <option value="never">{say('never')}</option>}
          {lengths.map((ms) => (
            <option key={ms} value={String(ms)}>
              {lengthText(ms)}
            </option>
          ))}
          <option value="time">{say('atTime')}</option>
        </select>
      </Field>
      {lasting.kind === 'time' && (
        <Field label={say('endTime')} error={isWrong ? say('expiryWrong') : ''}>
          <input
            type="datetime-local"
            value={lasting.text}
            onInput={(event) => onChange({ ...lasting, text: event.currentTarget.value })}
          />
        </Field>
      )}
    </>
  );
}

/** Do something with each stretch once, though the button is pressed again after one of them has failed. */
export function useEach(): (cuts: Cut[], act: (cut: Cut) => Promise<void>) => Promise<void> {
  const done = useRef(new Set<number>());
  return async (cuts, act) => {
    for (const cut of cuts.filter(({ sourceId }) => !done.current.has(sourceId))) {
      await act(cut);
      done.current.add(cut.sourceId);
    }
  };
}

export const WEEK: Lasting = { kind: String(7 * DAY_MS), text: '' };
export const NEVER: Lasting = { kind: 'never', text: '' };

interface ActDialogProps {
  title: string;
  hint: string;
  cuts: Cut[];
  action: string;
  /** Does it; where what stands in the fields is wrong they say so. Raises ApiError. */
  onAct: () => Promise<void>;
  onClose: () => void;
  /** While it acts it stays open: what comes of it is told this once. */
  isHeld?: boolean;
  children: ComponentChildren;
}

/** Does what a dialog is for: whether that goes on, and why it failed. */
function useActing(onAct: () => Promise<void>) {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    setError(null);
    try {
      await onAct();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return { act, isBusy, error };
}

/** A dialog with fields, a button that acts, and what the service says where that fails. */
export function ActDialog({ title, hint, cuts, action, onAct, onClose, isHeld = false, children }: ActDialogProps) {
  const { act, isBusy, error } = useActing(onAct);
  const isStaying = isHeld && isBusy;
  const close = () => {
    if (!isStaying) onClose();
  };
  return (
    <Dialog title={title} onClose={close}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void act();
        }}
      >
        <p class="notice small">{hint}</p>
        <About cuts={cuts} />
        {children}
        <ErrorText error={error} />
        <div class="dialog-buttons">
          <Button disabled={isStaying} onClick={close}>
            {sayPart('cancel')}
          </Button>
          <Button kind="main" type="submit" disabled={isBusy || cuts.length === 0}>
            {isBusy ? say('working') : action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
