/** What there is where somebody points: the time, the picture of then, and what is known of it. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { cameraName } from '../cameras';
import { isoOf } from '../instants';
import { view } from '../moment';
import { AXIS_PX } from './lanes';
import type { LanesScene } from './lanesscene';
import type { Picture } from './pictures';
import { xOf } from './scale';
import { cursor, held, laneWidth, news } from './store';

const AWAY_PX = 10;
const PICTURE_PX = 240;

function draw(canvas: HTMLCanvasElement, picture: Picture): void {
  const scale = Math.min(devicePixelRatio || 1, 2);
  const height = Math.round((PICTURE_PX * picture.height) / picture.width);
  [canvas.width, canvas.height] = [PICTURE_PX * scale, height * scale];
  const context = canvas.getContext('2d');
  context?.drawImage(
    picture.image,
    picture.left,
    picture.top,
    picture.width,
    picture.height,
    0,
    0,
    canvas.width,
    canvas.height,
  );
}

/** Put the tip beside what is pointed at: above its lane, below where there is no room. */
function placeTip(
  tip: HTMLElement,
  { lanes, at, shown }: { lanes: LanesScene; at: NonNullable<typeof cursor.value>; shown: typeof view.value },
): void {
  const x = xOf(shown, laneWidth.peek(), at.ms);
  const half = tip.offsetWidth / 2;
  const left = Math.min(Math.max(x - half, 0), Math.max(laneWidth.peek() - 2 * half, 0));
  const lane = lanes.scene.frame?.lanes.find((one) => one.id === at.id);
  const above = (held.peek() ? 0 : (lane?.top ?? 0)) - tip.offsetHeight - AWAY_PX;
  const stageTop = tip.parentElement?.getBoundingClientRect().top ?? 0;
  const below = lane ? lane.top + lane.height + AWAY_PX : AXIS_PX;
  tip.style.transform = `translate(${left}px, ${stageTop + above < 0 ? below : above}px)`;
}

export function Tip({ lanes }: { lanes: LanesScene }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const at = cursor.value;
  const { value: shown } = view;
  void news.value;
  const picture = at ? lanes.picture(at) : null;
  useLayoutEffect(() => {
    if (canvas.current && picture) draw(canvas.current, picture);
    if (box.current && at) placeTip(box.current, { lanes, at, shown });
  });
  if (!at) return null;
  const [time, ...lines] = lanes.tell(at);
  return (
    <div
      ref={box}
      class="timeline-tip"
      aria-hidden="true"
      data-at={isoOf(at.ms)}
      data-kind={picture?.kind}
      data-picture={picture ? isoOf(picture.atMs) : undefined}
    >
      {picture && <canvas ref={canvas} class="timeline-tip-picture" />}
      <strong class="numbers">{time}</strong>
      {at.id !== null && <span class="timeline-tip-camera">{cameraName(at.id)}</span>}
      {lines.map((line) => (
        <span key={line} class="timeline-tip-line">
          {line}
        </span>
      ))}
    </div>
  );
}
