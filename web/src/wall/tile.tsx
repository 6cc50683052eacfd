import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiError } from '../api/call';
import { type Camera, camera } from '../cameras';
import { clockText, durationText, momentText, nowMs } from '../instants';
import { MINUTE_MS } from '../lengths';
import { may } from '../me';
import { IconButton } from '../parts/button';
import { Icon } from '../parts/icon';
import { Link } from '../parts/link';
import { Refused } from '../parts/refused';
import { Lamp, lampOf } from '../parts/shown';
import { isReason, sayReason } from '../reasons';
import { open } from './opened';
import { PERIOD_MS } from './pacing';
import { look, type Picture, pace, pictureOf, tryAgain, watched, watchLive } from './pictures';
import { say } from './words';

const HOVER_MS = 400; // a pointer that only crosses a picture starts no stream
const HOVER_DELAY_S = 0.2;

/** Ask for pictures of a camera while its tile is seen, as often as suits what it does. */
function useStills({ id, isRecording, source }: Camera) {
  const isCheap = isRecording || source.uri_http_picture.uri !== null;
  const box = useRef<HTMLLIElement>(null);
  useEffect(() => {
    let leave: (() => void) | null = null;
    const observer = new IntersectionObserver((entries) => {
      leave?.();
      leave = entries.at(-1)?.isIntersecting ? look(id) : null;
      pace(id, isCheap ? PERIOD_MS.cheap : PERIOD_MS.dear);
    });
    if (box.current) observer.observe(box.current);
    return () => {
      observer.disconnect();
      leave?.();
    };
  }, [id, isCheap]);
  return box;
}

/** Show a live picture while somebody points at the tile, or has the focus in it. */
function useCloserLook(id: number) {
  const timer = useRef(0);
  const end = useRef<(() => void) | null>(null);
  const leave = () => {
    clearTimeout(timer.current);
    end.current?.();
    end.current = null;
  };
  const enter = () => {
    leave();
    timer.current = window.setTimeout(() => {
      end.current = watchLive(id, HOVER_DELAY_S);
    }, HOVER_MS);
  };
  useEffect(() => leave, [id]);
  return {
    onPointerEnter: (event: PointerEvent) => event.pointerType === 'mouse' && enter(),
    onPointerLeave: leave,
    onFocusIn: enter,
    onFocusOut: leave,
  };
}

/** Why there is no picture, in the user's language: what the service tried at the camera, or else what it answered. */
function Why({ why }: { why: ApiError }) {
  const { reason } = why.body;
  return isReason(reason) ? (
    <small title={sayReason(`${reason}_hint`)}>{sayReason(reason)}</small>
  ) : (
    <small>
      <Refused entries={why.detail} />
    </small>
  );
}

/** Since when there is none: since the last one that came, or that was recorded where it was recorded until then. */
function silentSinceMs(id: number, { takenMs, recordedMs }: Picture): number | null {
  if (takenMs !== null || recordedMs === null) return takenMs;
  const isRecordedSince = camera(id)?.tags.some(({ sinceMs }) => sinceMs <= recordedMs);
  return isRecordedSince ? recordedMs : null;
}

/** "No picture since 08:01, 3 min ago"; where that is not known, what is: nobody looked before this page. */
function silenceText(id: number, picture: Picture): string {
  const sinceMs = silentSinceMs(id, picture);
  if (sinceMs === null && picture.recordedMs === null) return say('silentOpened');
  if (sinceMs === null) return say('silentRecorded', { time: momentText(picture.recordedMs ?? 0) });
  const time = momentText(sinceMs);
  const ageMs = Math.floor((nowMs() - sinceMs) / MINUTE_MS) * MINUTE_MS;
  return ageMs > 0 ? say('silentAge', { time, age: durationText(ageMs) }) : say('silent', { time });
}

/** That there is no picture, since when and why; drawn anew each minute. */
export function Silence({ id, picture }: { id: number; picture: Picture }) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!picture.isSilent) return;
    const timer = setInterval(() => tick((count) => count + 1), MINUTE_MS / 4);
    return () => clearInterval(timer);
  }, [picture.isSilent]);
  if (!picture.isSilent) return null;
  return (
    <p class="wall-silent">
      <span>{silenceText(id, picture)}</span>
      {picture.why && <Why why={picture.why} />}
    </p>
  );
}

/** The time of the picture, and whether pictures are coming live. */
export function PictureClock({ id, picture }: { id: number; picture: Picture }) {
  if (picture.takenMs === null || picture.isSilent) return null;
  const isLive = watched.value?.id === id && watched.value.isLive;
  return (
    <span class="wall-clock">
      {isLive && <b class="wall-live">{say('live')}</b>}
      <time dateTime={new Date(picture.takenMs).toISOString()}>{clockText(picture.takenMs)}</time>
    </span>
  );
}

/** Under which tags the camera records, and since when. */
export function RunningTags({ camera }: { camera: Camera }) {
  return (
    <>
      {camera.tags.map(({ name, sinceMs }) => (
        <span key={name} class="wall-tag">
          {say('since', { tag: name, time: momentText(sinceMs) })}
        </span>
      ))}
    </>
  );
}

function RecordButton({ camera }: { camera: Camera }) {
  if (!may('operator')) return null;
  const { id, name } = camera;
  if (!camera.isWanted) {
    return (
      <IconButton icon="dot" label={say('recordOne', { name })} onClick={() => open({ kind: 'record', ids: [id] })} />
    );
  }
  return <IconButton icon="stop" label={say('stopOne', { name })} onClick={() => open({ kind: 'stop', ids: [id] })} />;
}

export interface TileProps {
  camera: Camera;
  /** Moves the camera by so many places; null where it cannot be moved. */
  onMove: ((places: number) => void) | null;
  /** Takes the place of this camera for one that was dragged onto it. */
  onDrop: ((draggedId: number) => void) | null;
}

function MoveButtons({ camera: { name }, onMove }: Pick<TileProps, 'camera' | 'onMove'>) {
  if (!onMove) return null;
  return (
    <>
      <IconButton icon="left" label={say('earlier', { name })} onClick={() => onMove(-1)} />
      <IconButton icon="right" label={say('later', { name })} onClick={() => onMove(1)} />
    </>
  );
}

const DRAGGED = 'application/x-camera';

function dragging({ camera, onDrop }: TileProps) {
  if (!onDrop) return {};
  return {
    draggable: true,
    onDragStart: (event: DragEvent) => event.dataTransfer?.setData(DRAGGED, String(camera.id)),
    onDragOver: (event: DragEvent) => event.dataTransfer?.types.includes(DRAGGED) && event.preventDefault(),
    onDrop: (event: DragEvent) => {
      const id = Number(event.dataTransfer?.getData(DRAGGED));
      if (id) onDrop(id);
      event.preventDefault();
    },
  };
}

function Still({ camera: { id, name }, picture }: { camera: Camera; picture: Picture }) {
  return (
    <div class="wall-picture">
      {picture.url === null ? (
        <span class="wall-nothing">
          <Icon name="camera" />
          {!picture.isSilent && <span class="small">{say('loadingPicture')}</span>}
        </span>
      ) : (
        <img src={picture.url} alt={say('picture', { name, time: clockText(picture.takenMs ?? 0) })} />
      )}
      <Silence id={id} picture={picture} />
      <PictureClock id={id} picture={picture} />
    </div>
  );
}

function Actions({ camera, isSilent, onMove }: Pick<TileProps, 'camera' | 'onMove'> & { isSilent: boolean }) {
  const { id, name } = camera;
  return (
    <div class="wall-actions">
      {isSilent && <IconButton icon="back" label={say('tryAgain', { name })} onClick={() => tryAgain(id)} />}
      <MoveButtons camera={camera} onMove={onMove} />
      <RecordButton camera={camera} />
      <IconButton icon="full" label={say('enlarge', { name })} onClick={() => open({ kind: 'large', id })} />
    </div>
  );
}

/** One camera: its newest picture, what it does, and what can be done with it. */
export function Tile(props: TileProps) {
  const { camera, onMove } = props;
  const box = useStills(camera);
  const closer = useCloserLook(camera.id);
  const picture = pictureOf(camera.id).value;
  const { isSilent } = picture;
  return (
    <li
      ref={box}
      class={`wall-tile${isSilent ? ' is-silent' : ''}`}
      data-camera={camera.id}
      data-state={lampOf(camera)}
      {...closer}
      {...dragging(props)}
    >
      <Still camera={camera} picture={picture} />
      <div class="wall-caption">
        <Link class="wall-open" page="timeline" query={{ cameras: String(camera.id) }} title={say('open')}>
          {camera.name}
        </Link>
        <span class="wall-does">
          <Lamp camera={camera} isWordShown />
          <RunningTags camera={camera} />
        </span>
      </div>
      <Actions camera={camera} isSilent={isSilent} onMove={onMove} />
    </li>
  );
}
