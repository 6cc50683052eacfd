/** The panel beside the player: marks, and what is done with what lies between them. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { durationText } from '../instants';
import { useKeys } from '../keys';
import { may } from '../me';
import { chosen, isScrubbing, marks } from '../moment';
import { Button } from '../parts/button';
import { Spinner } from '../parts/shown';
import { language } from '../words';
import { AnalyseDialog, Analyses } from './analyse';
import { followAnalyses } from './analyses';
import './clips.css';
import type { Cut } from './cut';
import { Downloads } from './downloadlist';
import { Holdings } from './holding';
import { useHoldings } from './holdings';
import { KeptList } from './keptlist';
import { isLooping, keepLooping, toggleLoop } from './looping';
import { clearMarks, goIn, goOut, MarkFields, markIn, markOut } from './markfields';
import { clipOf } from './marking';
import { PinDialog } from './pin';
import { Preview } from './preview';
import { ShareDialog } from './share';
import { TakeDialog } from './take';
import { takeAll } from './taking';
import { say } from './words';

type Opened = 'preview' | 'take' | 'pin' | 'share' | 'analyse' | null;

const DIALOGS = {
  preview: Preview,
  take: TakeDialog,
  pin: PinDialog,
  share: ShareDialog,
  analyse: AnalyseDialog,
} as const;

function useClipKeys(): void {
  const named = language.value;
  const hints = useMemo(
    () => [
      { keys: '[', hint: say('keyIn'), act: markIn },
      { keys: ']', hint: say('keyOut'), act: markOut },
      { keys: '{', hint: say('keyGoIn'), act: goIn },
      { keys: '}', hint: say('keyGoOut'), act: goOut },
      { keys: '\\', hint: say('keyClear'), act: clearMarks },
    ],
    [named],
  );
  useKeys(hints, say('title'));
}

function Actions({ cuts, onOpen }: { cuts: Cut[]; onOpen: (dialog: Opened) => void }) {
  const isNone = cuts.length === 0;
  return (
    <div class="stack">
      {isNone && <p class="small muted">{say('noCamera')}</p>}
      <div class="clips-actions">
        <Button icon="play" disabled={isNone} onClick={() => onOpen('preview')}>
          {say('preview')}
        </Button>
        <Button icon="on" aria-pressed={isLooping.value} onClick={toggleLoop}>
          {say('loop')}
        </Button>
        {!may('operator') && (
          <Button kind="main" icon="save" disabled={isNone} onClick={() => takeAll(cuts, 'mp4')}>
            {say('downloadMp4')}
          </Button>
        )}
        {may('operator') && (
          <>
            <Button kind="main" icon="save" disabled={isNone} onClick={() => onOpen('take')}>
              {say('download')}
            </Button>
            <Button icon="pin" disabled={isNone} onClick={() => onOpen('pin')}>
              {say('pin')}
            </Button>
            <Button icon="link" disabled={isNone} onClick={() => onOpen('share')}>
              {say('share')}
            </Button>
            <Button icon="search" disabled={isNone} onClick={() => onOpen('analyse')}>
              {say('analyse')}
            </Button>
          </>
        )}
      </div>
    </div>
  );
}

/** What lies between the marks, and what can be done with it. */
function Clip({ clip }: { clip: { startMs: number; endMs: number } }) {
  const [left, setLeft] = useState<number[]>([]);
  const [opened, setOpened] = useState<Opened>(null);
  const holdings = useHoldings(chosen.value, clip);
  const cuts = (holdings ?? []).flatMap(({ id, footage }): Cut[] =>
    footage && !left.includes(id) ? [{ sourceId: id, ...clip, footage }] : [],
  );
  const Opened = opened && DIALOGS[opened];
  return (
    <>
      <p class="clips-length">
        {say('length')} <b>{durationText(clip.endMs - clip.startMs)}</b>
      </p>
      {holdings ? <Holdings holdings={holdings} left={left} onLeave={setLeft} /> : <Spinner label={say('looking')} />}
      {holdings && <Actions cuts={cuts} onOpen={setOpened} />}
      {Opened && <Opened cuts={cuts} onClose={() => setOpened(null)} />}
    </>
  );
}

export function Clips() {
  useClipKeys();
  useEffect(keepLooping, []);
  useEffect(followAnalyses, []);
  const resting = useRef(marks.peek());
  if (!isScrubbing.value) resting.current = marks.value; // nothing is asked of what a hand only passes
  const { inMs, outMs } = resting.current;
  const clip = useMemo(() => clipOf({ inMs, outMs }), [inMs, outMs]);
  return (
    <aside class="clips panel" aria-label={say('title')}>
      <h2>{say('title')}</h2>
      <MarkFields />
      {clip ? <Clip clip={clip} /> : <p class="small muted">{say('hint')}</p>}
      <Downloads />
      <Analyses />
      <KeptList />
    </aside>
  );
}
