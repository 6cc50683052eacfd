/** Writing a comment on a file: what is said, how grave it is, of which violation, and where. */

import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../api/call';
import { addComment, type Comment, type CommentInput, changeComment } from '../api/files';
import { SEVERITIES, type Severity } from '../api/severity';
import { Button, IconButton } from '../parts/button';
import { Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { say as sayPart } from '../parts/words';
import { say } from './reviewwords';
import { clockOf, secondsOf } from './seconds';
import { severityText } from './severity';
import { ViolationField } from './violations';

/** What is being written: of an old comment, or of a new one that begins at a moment. */
export interface Draft {
  comment: Comment | null;
  fromS: number | null;
  toS: number | null;
}

interface FormProps {
  refer: string;
  draft: Draft;
  /** The moment that is shown now, in seconds; null where the file has none. */
  nowS: (() => number) | null;
  onDone: (comment: Comment) => void;
  onCancel: () => void;
}

const timeText = (seconds: number | null): string => (seconds === null ? '' : clockOf(seconds, 2));

function wrongTimes(from: string, to: string): { from: string; to: string } {
  const [startS, endS] = [secondsOf(from), secondsOf(to)];
  const wrong = (seconds: number | null) => (Number.isNaN(seconds) ? say('wrongTime') : '');
  const isTurned = startS !== null && endS !== null && endS < startS;
  return { from: wrong(startS), to: wrong(endS) || (isTurned ? say('wrongOrder') : '') };
}

/** A field for a time within the film, with a button that puts the moment shown into it. */
function TimeField(props: {
  label: string;
  value: string;
  error: string;
  nowS: (() => number) | null;
  nowLabel: string;
  onChange: (text: string) => void;
}) {
  const { label, value, error, nowS, nowLabel, onChange } = props;
  return (
    <div class="files-time">
      <Field label={label} error={error}>
        <input
          class="numbers"
          inputMode="decimal"
          placeholder="1:05"
          title={say('timeHint')}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      </Field>
      {nowS && <IconButton icon="clock" label={nowLabel} onClick={() => onChange(timeText(nowS()))} />}
    </div>
  );
}

function useDraft({ comment, fromS, toS }: Draft) {
  const [text, setText] = useState(comment?.comment ?? '');
  const [severity, setSeverity] = useState<Severity>(comment?.severity ?? '----');
  const [violation, setViolation] = useState(comment?.violation ?? '');
  const [from, setFrom] = useState(timeText(comment ? comment.start : fromS));
  const [to, setTo] = useState(timeText(comment ? comment.end : toS));
  const wrong = wrongTimes(from, to);
  const times = { start: secondsOf(from), end: secondsOf(to) };
  const input: CommentInput = { comment: text, severity, violation: violation.trim() || null, ...times };
  const isWhole = text.trim() !== '' && !wrong.from && !wrong.to;
  return {
    text,
    setText,
    severity,
    setSeverity,
    violation,
    setViolation,
    from,
    setFrom,
    to,
    setTo,
    wrong,
    input,
    isWhole,
  };
}

function SeverityChoice({ value, onChange }: { value: Severity; onChange: (severity: Severity) => void }) {
  return (
    <Field label={say('severity')}>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value as Severity)}>
        {SEVERITIES.map((severity) => (
          <option key={severity} value={severity}>
            {severityText(severity)}
          </option>
        ))}
      </select>
    </Field>
  );
}

export function CommentForm({ refer, draft, nowS, onDone, onCancel }: FormProps) {
  const form = useDraft(draft);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => box.current?.focus(), []); // at once: what is typed next belongs here
  const save = async () => {
    if (!form.isWhole || isBusy) return;
    setBusy(true);
    try {
      onDone(await (draft.comment ? changeComment(draft.comment.id, form.input) : addComment(refer, form.input)));
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  const said = (name: string) => (error instanceof ApiError ? error.of(name) : []);
  const hear = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onCancel();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void save();
  };
  return (
    <form
      class="files-comment-form"
      aria-label={say(draft.comment ? 'editComment' : 'newComment')}
      onKeyDown={hear}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Field label={say('comment')} error={said('comment')}>
        <textarea
          ref={box}
          rows={3}
          maxLength={10_000}
          dir="auto"
          value={form.text}
          onInput={(event) => form.setText(event.currentTarget.value)}
        />
      </Field>
      <div class="files-comment-row">
        <SeverityChoice value={form.severity} onChange={form.setSeverity} />
        <TimeField
          label={say('from')}
          value={form.from}
          error={form.wrong.from || said('start')}
          nowS={nowS}
          nowLabel={say('nowAsBegin')}
          onChange={form.setFrom}
        />
        <TimeField
          label={say('to')}
          value={form.to}
          error={form.wrong.to || said('end')}
          nowS={nowS}
          nowLabel={say('nowAsEnd')}
          onChange={form.setTo}
        />
      </div>
      <ViolationField value={form.violation} onChange={form.setViolation} />
      <ErrorText error={error} />
      <div class="row">
        <Button type="submit" kind="main" disabled={!form.isWhole || isBusy}>
          {sayPart('save')}
        </Button>
        <Button kind="quiet" onClick={onCancel}>
          {sayPart('cancel')}
        </Button>
      </div>
    </form>
  );
}
