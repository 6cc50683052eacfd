/** What is said of all pictures together, with ways out. */

import { durationText, momentText } from '../instants';
import { isPlaying } from '../moment';
import { Button } from '../parts/button';
import type { Conductor } from './conductor';
import type { Notice } from './notice';
import { say } from './words';

function textOf({ kind, fromMs, toMs, beforeMs, afterMs, text }: Notice): string {
  if (kind === 'jumped' && toMs !== null) {
    const duration = durationText(toMs - fromMs);
    return say(toMs < fromMs ? 'jumpedBack' : 'jumped', {
      from: momentText(fromMs, toMs),
      duration,
      to: momentText(toMs, fromMs),
    });
  }
  if (kind === 'end') return say(beforeMs === null ? 'never' : 'ended');
  if (kind === 'begin') return say(afterMs === null ? 'never' : 'begun');
  if (kind === 'nothing')
    return beforeMs === null && afterMs === null ? say('never') : say('nothingHere', { moment: momentText(fromMs) });
  return kind === 'cutOff' ? say('cutOff') : say('failed', { reason: text });
}

const LAST_MS = 1000;

export function Notices({ conductor }: { conductor: Conductor }) {
  const notice = conductor.notice.value;
  const isHeld = conductor.isWaiting.value && isPlaying.value && notice === null;
  const go = (ms: number) => {
    conductor.goTo(ms);
    conductor.play();
  };
  return (
    <div class="player-notices" role="status" aria-live="polite">
      {isHeld && <p class="player-waiting small">{say('waiting')}</p>}
      {notice && (
        <div class="notice player-notice" data-kind={notice.kind === 'refused' ? 'danger' : 'warning'}>
          <p>{textOf(notice)}</p>
          {notice.beforeMs !== null && (
            <Button onClick={() => go((notice.beforeMs ?? 0) - LAST_MS)}>
              {say('before', { moment: momentText(notice.beforeMs, notice.fromMs) })}
            </Button>
          )}
          {notice.afterMs !== null && (
            <Button onClick={() => go(notice.afterMs ?? 0)}>
              {say('after', { moment: momentText(notice.afterMs, notice.fromMs) })}
            </Button>
          )}
          {notice.kind === 'refused' && <Button onClick={() => conductor.retry()}>{say('retry')}</Button>}
        </div>
      )}
    </div>
  );
}
