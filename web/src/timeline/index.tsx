/** What was recorded when: the lanes of the cameras on one axis. */

import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { cameraName, cameras } from '../cameras';
import { nowMs, zone } from '../instants';
import { useKeys } from '../keys';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../lengths';
import { chosen, player, view, visit } from '../moment';
import { isNarrow } from '../narrow';
import { Empty, ErrorText } from '../parts/shown';
import { theme } from '../theme';
import { language } from '../words';
import { NOW_MS, playAt } from './grips';
import { enlarge, handleHints, type KeyboardTarget, laneHints, press } from './keyboard';
import { AXIS_PX, laneAt } from './lanes';
import { LanesScene } from './lanesscene';
import { lanes as laidOut, watchWindow } from './layout';
import { Listed } from './listed';
import { Nothing } from './nothing';
import { Overlay } from './overlay';
import { Pointing } from './pointing';
import { msOf, spanOf } from './scale';
import { follow, goToNow, isFollowing, pan, reveal, showStretch, steer, zoom } from './steering';
import { cursor, held, laneWidth, news, off } from './store';
import { Tip } from './tip';
import { anchorMs, Shown, Toolbar } from './toolbar';
import { say } from './words';
import './timeline.css';

const ZOOM_STEP = 2;

/** Play a moment; what is nearly now is live. */
function go(ms: number): void {
  playAt(ms);
  reveal(Math.min(ms, nowMs()));
}

/** Go to a moment and look at what lies around it, no further than so long; "back" leads to where one was. */
function goAndLook(ms: number, mostMs = Number.POSITIVE_INFINITY): void {
  if (ms > nowMs() - NOW_MS) {
    player.goLive();
    goToNow();
  } else visit(ms, Math.min(spanOf(view.peek()), mostMs));
}

/** To a moment that was asked for: near enough to be seen; to a day: all of it. */
function goAsked(ms: number, isDay: boolean): void {
  goAndLook(ms, HOUR_MS);
  if (isDay) showStretch(ms, ms + DAY_MS);
}

/** Go, look and play. */
function goAndPlay(ms: number): void {
  goAndLook(ms);
  player.play();
}

/** Move on with the clock: smoothly where a pixel is a fraction of a second, else when the next pixel is due. */
function useFollowing(): void {
  useEffect(() => {
    let timer = 0;
    const tick = () => {
      if (!document.hidden) follow();
      const pixelMs = spanOf(view.peek()) / Math.max(laneWidth.peek(), 1);
      timer = window.setTimeout(tick, Math.min(Math.max(pixelMs, 40), MINUTE_MS / 12));
    };
    tick();
    return () => clearTimeout(timer);
  }, []);
}

function useScene(canvas: { current: HTMLCanvasElement | null }, probe: { current: HTMLElement | null }) {
  const lanes = useSignal<LanesScene | null>(null);
  useLayoutEffect(() => {
    if (!canvas.current || !probe.current) return;
    const made = new LanesScene(canvas.current, probe.current, () => view.peek());
    const pointing = new Pointing(canvas.current, pointingOf(made));
    const endSteering = steer();
    const endWatching = watchWindow();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const repaint = () => made.scene.repaint();
    dark.addEventListener('change', repaint);
    lanes.value = made;
    made.scene.setLanes(laidOut.peek()); // effects of signals come after the first painting
    return () => {
      dark.removeEventListener('change', repaint);
      endSteering();
      endWatching();
      pointing.stop();
      made.stop();
      cursor.value = null;
    };
  }, []);
  useSignalEffect(() => lanes.value?.scene.setLanes(laidOut.value));
  useSignalEffect(() => {
    void [theme.value];
    lanes.value?.scene.repaint();
  });
  useSignalEffect(() => {
    void [view.value, zone.value, language.value, off.value];
    pointAgain();
    lanes.value?.scene.draw();
  });
  useSignalEffect(() => {
    if (!cursor.value) lanes.value?.leave();
  });
  return lanes;
}

/** So near to the edge of footage its last frame, or its first, is meant. */
const SNAP_PX = 4;
/** How long so many pixels are. */
const pxMs = (px: number) => (px * spanOf(view.peek())) / Math.max(laneWidth.peek(), 1);
const at = (x: number) => msOf(view.peek(), Math.max(laneWidth.peek(), 1), x);
let pointedX = 0;

/** Where the pointer rests there is another moment once the view has moved. */
function pointAgain(): void {
  const before = cursor.peek();
  if (before && !before.isByKey && !held.peek()) cursor.value = { ...before, ms: at(pointedX) };
}

/** What pointers do. */
function pointingOf(lanes: LanesScene) {
  return {
    hover: (x: number, y: number) => {
      pointedX = x;
      const lane = laneAt(lanes.scene.frame?.lanes ?? [], y);
      const id = lane?.id ?? (y < AXIS_PX ? chosen.peek()[0] : null) ?? null;
      cursor.value = { ms: at(x), id, isByKey: false };
      if (cursor.peek()?.id !== null) lanes.scene.draw(); // its sheets are wanted
    },
    leave: () => {
      if (!cursor.peek()?.isByKey) cursor.value = null;
    },
    click: (x: number, y: number) => {
      const id = laneAt(laidOut.peek(), y)?.id;
      go(id === undefined ? at(x) : lanes.snapped(id, at(x), pxMs(SNAP_PX)));
    },
    enlarge: (x: number, y: number) => {
      const id = laneAt(laidOut.peek(), y)?.id ?? null;
      enlarge(lanes, id, at(x), pxMs(SNAP_PX));
    },
    drag: (px: number) => pan((-px * spanOf(view.peek())) / Math.max(laneWidth.peek(), 1)),
    zoom: (factor: number, x: number) => zoom(factor, at(x)),
  };
}

/** The names of the cameras beside their lanes. */
function Names() {
  const lanes = laidOut.value;
  return (
    <ul class="timeline-names" style={{ paddingTop: `${AXIS_PX}px` }} aria-label={say('cameras')}>
      {lanes.map(({ id, height }) => (
        <li
          key={id}
          style={{ height: `${height}px`, lineHeight: `${height - 1}px` }}
          title={cameraName(id)}
          data-current={cursor.value?.id === id ? true : undefined}
        >
          {cameraName(id)}
        </li>
      ))}
    </ul>
  );
}

/** What the keys moved to, for ears. */
function useValueText(lanes: LanesScene | null): string {
  const at = cursor.value;
  void news.value;
  if (!lanes || !at?.isByKey) return '';
  const [time = '', ...rest] = lanes.tell(at);
  return [time, ...(at.id === null ? [] : [cameraName(at.id)]), ...(rest.length ? rest : [say('footage')])].join(', ');
}

interface SliderProps {
  lanes: LanesScene | null;
  canvas: { current: HTMLCanvasElement | null };
  onPick: () => void;
  onMark: KeyboardTarget['mark'];
}

/** The canvas as a slider: arrows move along the time. */
function Slider({ lanes, canvas, onPick, onMark }: SliderProps) {
  const { startMs, endMs } = view.value;
  const said = useValueText(lanes);
  const nowS = Math.round((cursor.value?.ms ?? (startMs + endMs) / 2) / 1000);
  return (
    <canvas
      ref={canvas}
      class="timeline-canvas"
      role="slider"
      tabIndex={0}
      data-own-keys
      aria-label={say('timeline')}
      aria-describedby="timeline-help"
      aria-valuemin={Math.round(startMs / 1000)}
      aria-valuemax={Math.round(endMs / 1000)}
      aria-valuenow={Math.min(Math.max(nowS, Math.round(startMs / 1000)), Math.round(endMs / 1000))}
      aria-valuetext={said}
      onKeyDown={(event) => {
        if (!lanes || !press({ lanes, ids: chosen.peek(), go, pick: onPick, mark: onMark }, event)) return;
        event.preventDefault();
        event.stopPropagation();
      }}
      onBlur={() => {
        if (cursor.peek()?.isByKey) cursor.value = null;
      }}
    />
  );
}

/** Keys that are heard wherever the focus is on the page. */
function usePageKeys(pick: () => void): void {
  const named = language.value;
  const hints = useMemo(
    () => [
      { keys: '+ =', hint: say('zoomIn'), act: () => zoom(1 / ZOOM_STEP, anchorMs(), true) },
      { keys: '-', hint: say('zoomOut'), act: () => zoom(ZOOM_STEP, anchorMs(), true) },
      { keys: 'g', hint: say('goToTitle'), act: pick },
    ],
    [named],
  );
  useKeys(hints, say('timeline'));
  useKeys(useMemo(laneHints, [named]), say('onLanes'));
  useKeys(useMemo(handleHints, [named]), say('onHandles'));
}

/** What the service said when the lanes could not be fetched. */
function Old({ lanes }: { lanes: LanesScene | null }) {
  void news.value;
  return <ErrorText error={lanes?.failure ?? null} />;
}

interface BodyProps extends SliderProps {
  probe: { current: HTMLSpanElement | null };
}

/** The lanes and what lies over them; where no camera is chosen, that there is none. */
function Body({ lanes, canvas, probe, onPick, onMark }: BodyProps) {
  const isEmpty = useComputed(() => cameras.value !== null && !chosen.value.length).value;
  return (
    <>
      {!isEmpty && <Old lanes={lanes} />}
      {isEmpty && <Empty title={say('noCameras')} />}
      <div class="timeline-body" hidden={isEmpty}>
        <Names />
        <Shown />
        <div class="timeline-stage">
          <Slider lanes={lanes} canvas={canvas} onPick={onPick} onMark={onMark} />
          <div class="timeline-over">
            <Overlay />
          </div>
          {lanes && <Nothing lanes={lanes} onGo={goAndLook} />}
          {lanes && <Tip lanes={lanes} />}
          <span ref={probe} class="timeline-probe" aria-hidden="true" />
        </div>
      </div>
    </>
  );
}

/** `onMark` sets the marks at the cursor: the rules of that are the clips'. */
export function Timeline({ onMark }: { onMark: KeyboardTarget['mark'] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const isPicking = useSignal(false);
  const pick = () => {
    isPicking.value = true;
  };
  const lanes = useScene(canvas, probe).value;
  const ids = useComputed(() => chosen.value).value;
  useFollowing();
  usePageKeys(pick);
  const toolbar = <Toolbar key="toolbar" onGo={goAsked} isPicking={isPicking} />;
  const shown = <Body key="shown" {...{ lanes, canvas, probe, onMark, onPick: pick }} />;
  return (
    <section class="timeline" aria-label={say('timeline')} data-following={isFollowing.value}>
      {isNarrow.value ? [shown, toolbar] : [toolbar, shown]}
      <p id="timeline-help" class="unseen">
        {say('timelineHelp')}
      </p>
      {lanes && <Listed lanes={lanes} ids={ids} onGo={goAndPlay} />}
    </section>
  );
}
