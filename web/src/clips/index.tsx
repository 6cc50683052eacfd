/** The panel beside the player: marks, and what is done with what lies between them. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { cameras } from '../cameras';
import { durationText } from '../instants';
import { useKeys } from '../keys';
import { may } from '../me';
import { chosen, isScrubbing, type Marks, marks } from '../moment';
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
import { isTooLong, MOST_DAYS } from './limits';
import { isLooping, keepLooping, toggleLoop } from './looping';
import { clearMarks, goIn, goOut, isMistyped, MarkFields, markIn, markOut } from './markfields';
import { clipOf } from './marking';
import { PinDialog } from './pin';
import { Preview } from './preview';
import { ShareDialog } from './share';
import { TakeDialog } from './take';
import { takeAll } from './taking';
import { say } from './words';

const DIALOGS = {
  preview: Preview,
  take: TakeDialog,
  pin: PinDialog,
  share: ShareDialog,
  analyse: AnalyseDialog,
} as const;

/** What was asked for, and of what: what is asked of the cameras meanwhile changes nothing of it. */
interface Opened {
  dialog: keyof typeof DIALOGS;
  cuts: Cut[];
}

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

interface ActionsProps {
  cuts: Cut[];
  /** No film, file or link may be so long. */
  isTooLong: boolean;
  onOpen: (dialog: keyof typeof DIALOGS) => void;
}

/** What operators do with a clip. */
function OperatorActions({
  isNone,
  isOff,
  onOpen,
}: {
  isNone: boolean;
  isOff: boolean;
  onOpen: (dialog: keyof typeof DIALOGS) => void;
}) {
  return (
    <>
      <Button kind="main" icon="save" disabled={isOff} onClick={() => onOpen('take')}>
        {say('download')}
      </Button>
      <Button icon="pin" disabled={isNone} onClick={() => onOpen('pin')}>
        {say('pin')}
      </Button>
      <Button icon="link" disabled={isOff} onClick={() => onOpen('share')}>
        {say('share')}
      </Button>
      <Button icon="search" disabled={isOff} onClick={() => onOpen('analyse')}>
        {say('analyse')}
      </Button>
    </>
  );
}

function Actions({ cuts, isTooLong, onOpen }: ActionsProps) {
  const isNone = cuts.length === 0;
  const isOff = isNone || isTooLong;
  return (
    <div class="stack">
      {isNone && <p class="small muted">{say('noCamera')}</p>}
      {isTooLong && (
        <p class="notice small" data-kind="warning" role="status">
          {say(may('operator') ? 'tooLong' : 'tooLongToSee', { n: MOST_DAYS })}
        </p>
      )}
      <div class="clips-actions">
        <Button icon="play" disabled={isOff} onClick={() => onOpen('preview')}>
          {say('preview')}
        </Button>
        <Button icon="on" aria-pressed={isLooping.value} onClick={toggleLoop}>
          {say('loop')}
        </Button>
        {!may('operator') && (
          <Button kind="main" icon="save" disabled={isOff} onClick={() => takeAll(cuts, 'mp4')}>
            {say('downloadMp4')}
          </Button>
        )}
        {may('operator') && <OperatorActions isNone={isNone} isOff={isOff} onOpen={onOpen} />}
      </div>
    </div>
  );
}

interface ClipProps {
  clip: { startMs: number; endMs: number };
  /** The cameras that are not ticked. */
  left: number[];
  onLeave: (left: number[]) => void;
}

/** What lies between the marks, and what can be done with it. */
function Clip({ clip, left, onLeave }: ClipProps) {
  const [opened, setOpened] = useState<Opened | null>(null);
  const holdings = useHoldings(chosen.value, cameras.value && clip);
  const cuts = (holdings ?? []).flatMap(({ id, footage }): Cut[] =>
    footage && !left.includes(id) ? [{ sourceId: id, ...clip, footage }] : [],
  );
  const OpenedDialog = opened && DIALOGS[opened.dialog];
  return (
    <>
      <p class="clips-length">
        {say('length')} <b>{durationText(clip.endMs - clip.startMs)}</b>
      </p>
      {holdings ? <Holdings holdings={holdings} left={left} onLeave={onLeave} /> : <Spinner label={say('looking')} />}
      {holdings && <Actions cuts={cuts} isTooLong={isTooLong(clip)} onOpen={(dialog) => setOpened({ dialog, cuts })} />}
      {OpenedDialog && <OpenedDialog cuts={opened.cuts} onClose={() => setOpened(null)} />}
    </>
  );
}

/** What is wrong with the marks, or what is done to set them. */
function hintOf({ inMs, outMs }: Marks): string {
  if (isMistyped.value) return say('mistyped');
  return say(inMs !== null && outMs !== null ? 'wrongOrder' : 'hint');
}

export function Clips() {
  const [left, setLeft] = useState<number[]>([]);
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
      {clip && !isMistyped.value ? (
        <Clip clip={clip} left={left} onLeave={setLeft} />
      ) : (
        <p class="small muted">{hintOf({ inMs, outMs })}</p>
      )}
      <Downloads />
      <Analyses />
      <KeptList />
    </aside>
  );
}
