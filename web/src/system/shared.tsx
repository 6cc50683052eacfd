/** What several tabs show: a fact with its name, a bar, a time, and the question before something is undone. */

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { durationText, momentText, nowMs } from '../instants';
import { Button } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { ErrorText, Spinner } from '../parts/shown';
import { say as sayPart } from '../parts/words';
import type { Asked } from './asked';
import { say } from './words';

/** What was asked for once it is there; an error above it where asking failed. */
export function Loaded<T>({ asked, children }: { asked: Asked<T>; children: (value: T) => ComponentChildren }) {
  return (
    <>
      <ErrorText error={asked.error} />
      {asked.value !== null ? children(asked.value) : !asked.error && <Spinner />}
    </>
  );
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="system-fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** An instant of the wire with its distance from now; a word where there is none. */
export function When({ utc, none = say('never') }: { utc: string | null; none?: string }) {
  if (utc === null) return <span class="muted">{none}</span>;
  const ms = Date.parse(utc);
  const isPast = ms <= nowMs();
  const distance = durationText(Math.abs(nowMs() - ms));
  return (
    <time dateTime={utc} title={say(isPast ? 'ago' : 'ahead', { time: distance })}>
      {momentText(ms)}
    </time>
  );
}

export type Kind = 'good' | 'warning' | 'danger';

export function Badge({ kind, children }: { kind?: Kind | undefined; children: ComponentChildren }) {
  return (
    <span class="badge" data-kind={kind}>
      {children}
    </span>
  );
}

/** A warning in words, with what to do. */
export function Warning({
  kind = 'warning',
  children,
}: {
  kind?: 'info' | 'warning' | 'danger';
  children: ComponentChildren;
}) {
  return (
    <p class="notice" data-kind={kind}>
      {children}
    </p>
  );
}

interface ConfirmProps {
  /** Names the thing: "Revoke the token “backup”?". */
  title: string;
  text: string;
  action: string;
  act: () => Promise<unknown>;
  onClose: () => void;
  onDone: () => void;
}

/** Asks before something is done that cannot simply be undone; what fails is said in the dialog. */
export function Confirm({ title, text, action, act, onClose, onDone }: ConfirmProps) {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    try {
      await act();
      onDone();
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <ErrorText error={error} />
      <div class="dialog-buttons">
        <Button onClick={onClose}>{sayPart('cancel')}</Button>
        <Button kind="danger" disabled={isBusy} onClick={() => void confirm()}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
