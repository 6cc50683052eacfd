/** What is said of all pictures together, with ways out. */

import { cameraName } from '../cameras';
import { durationText, momentText } from '../instants';
import { isLive, isPlaying, isScrubbing } from '../moment';
import { Button } from '../parts/button';
import { language } from '../words';
import type { Channel } from './channel';
import type { Conductor } from './conductor';
import type { Notice } from './notice';
import { say } from './words';

function jumpText(fromMs: number, toMs: number): string {
  const duration = durationText(toMs - fromMs);
  return say(toMs < fromMs ? 'jumpedBack' : 'jumped', {
    from: momentText(fromMs, toMs),
    duration,
    to: momentText(toMs, fromMs),
  });
}

function textOf({ kind, fromMs, toMs, beforeMs, afterMs, text }: Notice): string {
  if (kind === 'jumped' && toMs !== null) return jumpText(fromMs, toMs);
  if (kind === 'end') return say(beforeMs === null ? 'never' : 'ended');
  if (kind === 'begin') return say(afterMs === null ? 'never' : 'begun');
  if (kind === 'nothing')
    return beforeMs === null && afterMs === null ? say('never') : say('nothingHere', { moment: momentText(fromMs) });
  return kind === 'cutOff' || kind === 'gone' ? say(kind) : say('failed', { reason: text });
}

/** Which cameras are waited for; live also why that takes its time. */
function waitedFor(conductor: Conductor): string {
  const isLate = ({ condition }: Channel) => condition.value === 'loading' || condition.value === 'slow';
  const late = conductor.channels.value.filter(isLate).map(({ id }) => cameraName(id));
  const names = late.length ? new Intl.ListFormat(language.value).format(late.slice(0, MOST_NAMES)) : '';
  const more = late.length > MOST_NAMES ? say('andMore', { n: late.length - MOST_NAMES }) : '';
  const waiting = late.length ? say('waitingFor', { names: names + more }) : say('waiting');
  return isLive.value ? `${waiting}. ${say('waitingLive')}` : waiting;
}

const MOST_NAMES = 3;
const LAST_MS = 1000;

export function Notices({ conductor }: { conductor: Conductor }) {
  const said = conductor.notice.value;
  const notice = said?.kind === 'nothing' && isScrubbing.value ? null : said; // a hand goes on
  const isHeld = conductor.isWaiting.value && isPlaying.value && notice === null;
  const go = (ms: number) => {
    conductor.goTo(ms);
    conductor.play();
  };
  return (
    <div class="player-notices" role="status" aria-live="polite">
      {isHeld && <p class="player-waiting small">{waitedFor(conductor)}</p>}
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
