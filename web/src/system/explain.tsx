/** Why the footage of a moment is kept, and when it goes at the earliest: `?at=` of the service's retention. */

import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import { type Explanation, explain, LIMITS } from '../api/system';
import { cameras } from '../cameras';
import { nowMs, zoneName } from '../instants';
import { HOUR_MS } from '../lengths';
import { Button } from '../parts/button';
import { CameraField } from '../parts/camerafield';
import { Field } from '../parts/field';
import { ErrorText } from '../parts/shown';
import { fieldText, instantOf } from '../wallclock';
import { say } from './retentionwords';
import { limitText, whatText } from './ruletexts';
import { Badge, Fact, type Kind, When } from './shared';

const STATES = { kept: 'kept', open: 'open', deleted: 'deleted', none: 'noFootage' } as const;
const KINDS: Record<Explanation['state'], Kind | undefined> = {
  kept: 'good',
  open: 'good',
  deleted: 'danger',
  none: undefined,
};

function Found({ found }: { found: Explanation }) {
  return (
    <dl class="system-facts" aria-live="polite">
      <Fact name={say('why')}>
        <Badge kind={KINDS[found.state]}>{say(STATES[found.state])}</Badge>
        <span class="small system-detail" lang="en">
          {found.why}
        </span>
      </Fact>
      <Fact name={say('earliest')}>
        <When utc={found.earliest_utc} none={say('notByAge')} />
      </Fact>
      {LIMITS.map((name) => {
        const limit = found.limits[name];
        return (
          <Fact key={name} name={say(name)}>
            {limit ? (
              say('limitOf', { value: limitText(name, limit.value), what: whatText(limit.scope, limit.name) })
            ) : (
              <span class="muted">{say('noLimit')}</span>
            )}
          </Fact>
        );
      })}
      {found.tags.length > 0 && <Fact name={say('tagsOf')}>{found.tags.join(', ')}</Fact>}
    </dl>
  );
}

export function Explain() {
  const list = cameras.value ?? [];
  const [sourceId, setSourceId] = useState('');
  const [text, setText] = useState(() => fieldText(nowMs() - HOUR_MS, zoneName()));
  const [found, setFound] = useState<Explanation | null>(null);
  const [error, setError] = useState<unknown>(null);
  const ask = async (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    setError(null);
    try {
      setFound(await explain(Number(sourceId || list[0]?.id), instantOf(text, zoneName()) ?? nowMs()));
    } catch (failure) {
      setError(failure);
    }
  };
  if (!list.length) return null;
  return (
    <section class="panel stack">
      <h2>{say('explain')}</h2>
      <p class="small muted">{say('explainAbout')}</p>
      <form class="row system-line" onSubmit={(event) => void ask(event)}>
        <CameraField cameras={list} value={sourceId || String(list[0]?.id)} onChoose={setSourceId} />
        <Field label={say('moment')}>
          <input
            type="datetime-local"
            step="1"
            required
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </Field>
        <Button type="submit">{say('show')}</Button>
      </form>
      <ErrorText error={error} />
      {found && <Found found={found} />}
    </section>
  );
}
