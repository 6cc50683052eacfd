/** What is said where nothing at all was recorded of what is shown: where there is something. */
import { useSignal, useSignalEffect } from '@preact/signals';
import { ApiError } from '../api/call';
import { momentText, nowMs } from '../instants';
import { chosen, view } from '../moment';
import { findNearest, type Nearest } from '../nearest';
import { Button } from '../parts/button';
import type { LanesScene } from './lanesscene';
import { news } from './store';
import { say } from './words';

const REST_MS = 400; // while the view moves nothing is asked
const BEFORE_MS = 5000; // so much of the last footage is shown
const KNOWN_DOTS = 1000;

function isEmpty(lanes: LanesScene): boolean {
  const { startMs, endMs } = view.value;
  const range = { startMs, endMs: Math.min(endMs, nowMs()) };
  const ids = chosen.value;
  if (!ids.length || range.endMs <= range.startMs) return false;
  return ids.every((id) => lanes.coverage.isKnown(id, range, KNOWN_DOTS) && !lanes.coverage.mayHave(id, range));
}

/** The nearest footage of the cameras that are shown; null while there is some in sight, or it is not known. */
function useNearest(lanes: LanesScene): Nearest | null {
  const nearest = useSignal<Nearest | null>(null);
  useSignalEffect(() => {
    void [news.value];
    const { startMs, endMs } = view.value;
    if (!isEmpty(lanes)) {
      nearest.value = null;
      return;
    }
    let isOver = false;
    const timer = window.setTimeout(async () => {
      try {
        const found = await findNearest(chosen.peek(), Math.min((startMs + endMs) / 2, nowMs()));
        if (!isOver) nearest.value = found;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error; // the lanes say it
      }
    }, REST_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  });
  return nearest.value;
}

export function Nothing({ lanes, onGo }: { lanes: LanesScene; onGo: (ms: number) => void }) {
  const nearest = useNearest(lanes);
  if (!nearest) return null;
  const { beforeMs, afterMs } = nearest;
  return (
    <div class="timeline-nothing small" role="status">
      <span>{say(beforeMs === null && afterMs === null ? 'never' : 'nothing')}</span>
      {beforeMs !== null && (
        <Button icon="left" onClick={() => onGo(beforeMs - BEFORE_MS)}>
          {say('nearestBefore', { when: momentText(beforeMs) })}
        </Button>
      )}
      {afterMs !== null && (
        <Button icon="right" onClick={() => onGo(afterMs)}>
          {say('nearestAfter', { when: momentText(afterMs) })}
        </Button>
      )}
    </div>
  );
}
