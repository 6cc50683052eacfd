/** What several tabs show: a fact with its name, a bar, a time, and the question before something is undone. */

import type { ComponentChildren } from 'preact';
import { durationText, momentText, nowMs } from '../instants';
import type { Asked } from '../parts/asked';
import { ErrorText, Spinner } from '../parts/shown';
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
