/** The bar of movement above the timeline: on to the next, back to the one before, and what counts as movement. */
import { signal, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { activity, type Moving, type SourceActivity } from '../api/activity';
import { isAbort } from '../api/call';
import { cameraName } from '../cameras';
import { durationText, momentText, nowMs } from '../instants';
import { useKeys } from '../keys';
import { areLanesDrawn, chosen, clockMs, player } from '../moment';
import { Button, IconButton } from '../parts/button';
import { Dialog } from '../parts/dialog';
import { ErrorText } from '../parts/shown';
import { searchFrom, type Way } from './pick';
import { findMovement } from './search';
import { ShareSlider } from './slider';
import { ActivitySwitch } from './switch';
import { say, shareText } from './words';
import './activity.css';

/** The share from which on is searched; null: as set for each camera. */
const threshold = signal<number | null>(null);
const PROBE_MS = 2000;
const AGAIN_MS = 5000;

/** What is set of the cameras shown; asked for when others are shown, and when it was changed here. */
function useCameras() {
  const known = useSignal<SourceActivity[] | null>(null); // null: not told yet
  const changes = useSignal(0);
  const ids = areLanesDrawn.value ? chosen.value.join(',') : '';
  useEffect(() => {
    const ending = new AbortController();
    const list = ids === '' ? [] : chosen.peek();
    if (list.length === 0) return undefined;
    let timer = 0;
    const look = () =>
      activity(list, nowMs() - PROBE_MS, nowMs(), PROBE_MS / 1000, ending.signal).then(
        (answer) => {
          known.value = answer.sources;
        },
        (error) => {
          if (isAbort(error)) return;
          known.value = null; // the pages say elsewhere that the service does not answer
          timer = window.setTimeout(look, AGAIN_MS);
        },
      );
    void look();
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [ids, changes.value]);
  const enabled = known.value?.filter((camera) => camera.is_enabled) ?? [];
  return { enabled, isTold: known.value !== null, changed: () => changes.value++ };
}

/** Going to movements: `jump` searches, `told` is what came of it. */
function useJumps(enabled: SourceActivity[]) {
  const told = useSignal('');
  const error = useSignal<unknown>(null);
  const isSearching = useSignal(false);
  const last = useRef<Moving | null>(null);
  const running = useRef<AbortController | null>(null);
  const search = (way: Way, ending: AbortSignal) => {
    const fromMs = searchFrom(clockMs.peek() ?? nowMs(), last.current);
    const ids = enabled.map((camera) => camera.source_id);
    return findMovement(ids, way, fromMs, threshold.peek(), ending);
  };
  const show = (found: Moving | null, way: Way) => {
    told.value = found ? wordsOf(found) : say(way === 'after' ? 'none' : 'noneBefore');
    if (!found) return;
    last.current = found;
    player.goTo(found.startMs);
  };
  const jump = async (way: Way) => {
    running.current?.abort();
    const ending = new AbortController();
    running.current = ending;
    isSearching.value = true;
    error.value = null;
    try {
      show(await search(way, ending.signal), way);
    } catch (problem) {
      if (!isAbort(problem)) error.value = problem;
    }
    if (running.current === ending) isSearching.value = false;
  };
  useEffect(() => () => running.current?.abort(), []);
  return { jump, told, error, isSearching };
}

const wordsOf = (found: Moving): string =>
  say('found', {
    camera: cameraName(found.sourceId),
    at: momentText(found.startMs),
    length: durationText(found.endMs - found.startMs),
    peak: shareText(found.peak),
  });

/** The threshold of the search; until it is moved, that of each camera. */
function Threshold({ enabled }: { enabled: SourceActivity[] }) {
  const own = Math.min(...enabled.map((camera) => camera.threshold));
  return (
    <>
      <ShareSlider
        label={say('from')}
        name={say('fromLabel')}
        share={threshold.value ?? own}
        onInput={(share) => {
          threshold.value = share;
        }}
      />
      {threshold.value === null ? (
        <span class="small muted activity-own">{say('perCamera')}</span>
      ) : (
        <IconButton
          icon="back"
          label={say('reset')}
          onClick={() => {
            threshold.value = null;
          }}
        />
      )}
    </>
  );
}

function Search({ onChange, onClose }: { onChange: () => void; onClose: () => void }) {
  return (
    <Dialog title={say('searchTitle')} onClose={onClose}>
      <p class="muted">{say('searchHint')}</p>
      <div class="activity-cameras">
        {chosen.value.map((id) => (
          <ActivitySwitch key={id} sourceId={id} onChange={onChange} />
        ))}
      </div>
    </Dialog>
  );
}

function useJumpKeys(jump: ReturnType<typeof useJumps>['jump'], canJump: boolean): void {
  const latest = useRef(jump);
  latest.current = async (way: Way) => (canJump ? jump(way) : undefined);
  const hints = useMemo(
    () => [
      { keys: 'n', hint: say('next'), act: () => void latest.current('after') },
      { keys: 'N', hint: say('previous'), act: () => void latest.current('before') },
    ],
    [say('next')],
  );
  useKeys(hints, say('title'));
}

/** The bar of activity above the timeline. */
export function ActivityBar() {
  const { enabled, isTold, changed } = useCameras();
  const { jump, told, error, isSearching } = useJumps(enabled);
  const isOpen = useSignal(false);
  const show = (isShown: boolean) => () => {
    isOpen.value = isShown;
  };
  useJumpKeys(jump, enabled.length > 0);
  return (
    <section class="activity" aria-label={say('title')} aria-busy={isSearching.value}>
      <strong class="small">{say('title')}</strong>
      {enabled.length > 0 ? (
        <>
          <IconButton icon="left" label={say('previous')} hotkey="Shift N" onClick={() => jump('before')} />
          <IconButton icon="right" label={say('next')} hotkey="N" onClick={() => jump('after')} />
          <Threshold enabled={enabled} />
        </>
      ) : (
        isTold && <span class="small muted">{say('off')}</span>
      )}
      <p class="small spring activity-told" role="status">
        {told.value}
      </p>
      <ErrorText error={error.value} />
      <Button kind="quiet" icon="search" onClick={show(true)}>
        {say('search')}
      </Button>
      {isOpen.value && <Search onChange={changed} onClose={show(false)} />}
    </section>
  );
}
