/** What the lanes show, in words: for screen readers, and for whoever rather reads. */
import { useSignal } from '@preact/signals';
import { cameraName } from '../cameras';
import { causeText } from '../causes';
import { durationText, momentText, nowMs, numberText } from '../instants';
import { view } from '../moment';
import { Button } from '../parts/button';
import { Field } from '../parts/field';
import type { LanesScene } from './lanesscene';
import { type Line, linesOf, sharedOf } from './listing';
import { news } from './store';
import { say } from './words';

const MOST_LINES = 100;
const BEFORE_MS = 2000; // what led to a gap

interface ListedProps {
  lanes: LanesScene;
  ids: readonly number[];
  onGo: (ms: number) => void;
}

function Row({ line, onGo }: { line: Line; onGo: (ms: number) => void }) {
  const { startMs, endMs, cause, isUnknown } = line;
  const from = momentText(startMs);
  const goMs = cause === null ? startMs : startMs - BEFORE_MS;
  return (
    <tr>
      <td class="numbers">{from}</td>
      <td class="numbers">{momentText(endMs)}</td>
      <td class="numbers">{durationText(endMs - startMs)}</td>
      <td>
        {isUnknown ? say('unanswered') : cause === null ? say('footage') : cause ? causeText(cause) : say('noFootage')}
      </td>
      <td>
        <Button
          kind="quiet"
          icon="play"
          aria-label={say('showOf', { when: momentText(goMs) })}
          onClick={() => onGo(goMs)}
        >
          {say('show')}
        </Button>
      </td>
    </tr>
  );
}

function Columns() {
  return (
    <thead>
      <tr>
        {(['from', 'to', 'length', 'what'] as const).map((name) => (
          <th key={name} scope="col">
            {say(name)}
          </th>
        ))}
        <th scope="col">
          <span class="unseen">{say('show')}</span>
        </th>
      </tr>
    </thead>
  );
}

function Lines({ lanes, id, onGo }: { lanes: LanesScene; id: number; onGo: (ms: number) => void }) {
  void [news.value, view.value];
  const frame = lanes.scene.frame;
  if (!frame) return null;
  const range = { startMs: frame.view.startMs, endMs: Math.min(frame.view.endMs, nowMs()) };
  const dots = frame.width * frame.density;
  const stretches = lanes.coverage.stretches(id, range, dots);
  const unknown = lanes.coverage.unknown(id, range, dots);
  const lines = linesOf(range, stretches, lanes.gapLayer.gaps(id, frame), unknown);
  const shown = lines.slice(-MOST_LINES).reverse(); // the newest first
  return (
    <>
      {unknown.length ? (
        <p class="small">{say('unanswered')}</p>
      ) : (
        <p class="small">{say('covered', { share: numberText(100 * sharedOf(range, stretches), 1) })}</p>
      )}
      {!stretches.length && !unknown.length && <p class="small muted">{say('nothing')}</p>}
      <div class="timeline-list-scroll">
        <table>
          <Columns />
          <tbody>
            {shown.map((line) => (
              <Row key={`${line.startMs} ${line.cause}`} line={line} onGo={onGo} />
            ))}
          </tbody>
        </table>
      </div>
      {lines.length > shown.length && <p class="small muted">{say('more', { n: lines.length - shown.length })}</p>}
    </>
  );
}

export function Listed({ lanes, ids, onGo }: ListedProps) {
  const isOpen = useSignal(false);
  const wanted = useSignal<number | null>(null);
  const id = wanted.value !== null && ids.includes(wanted.value) ? wanted.value : ids[0];
  return (
    <details
      class="timeline-list"
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>{say('listTitle')}</summary>
      {isOpen.value && id !== undefined && (
        <div class="stack">
          <Field label={say('listCamera')}>
            <select
              value={String(id)}
              onChange={(event: Event) => {
                wanted.value = Number((event.currentTarget as HTMLSelectElement).value);
              }}
            >
              {ids.map((one) => (
                <option key={one} value={String(one)}>
                  {cameraName(one)}
                </option>
              ))}
            </select>
          </Field>
          <Lines lanes={lanes} id={id} onGo={onGo} />
        </div>
      )}
    </details>
  );
}
