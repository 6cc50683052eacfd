/** A file as it is: film, sound or picture, with the controls that also the keys work. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { contentPath, type HandedFile } from '../api/files';
import { bytesText } from '../instants';
import { Button, IconButton } from '../parts/button';
import { Icon } from '../parts/icon';
import { Empty } from '../parts/shown';
import { type Playing, RATES } from './playing';
import { say } from './reviewwords';
import { clockOf } from './seconds';

export type Shape = 'video' | 'audio' | 'image' | 'none';

/** As what a file can be shown, by what the service found in its bytes; before it has looked, by its name. */
export function shapeOf(file: HandedFile): Shape {
  if (file.kind === 'footage') return 'video';
  const kind = file.media_type ?? '';
  if (kind === 'image/svg+xml') return 'none';
  const found = (['video', 'audio', 'image'] as const).find((one) => kind.startsWith(`${one}/`));
  if (found) return found;
  if (kind === 'application/ogg') return 'audio';
  return !kind && /\.(mp4|m4v|webm|mov|mkv)$/i.test(file.name) ? 'video' : 'none';
}

export function DownloadLink({ file }: { file: HandedFile }) {
  return (
    <a class="button" href={`${contentPath(file.id)}?download=true`} download={file.name}>
      {say('download')}
      {file.size_bytes !== null && <span class="muted small">{bytesText(file.size_bytes)}</span>}
    </a>
  );
}

function Media({ file, shape, playing }: { file: HandedFile; shape: 'video' | 'audio'; playing: Playing }) {
  const box = useRef<HTMLVideoElement & HTMLAudioElement>(null);
  // At once: what the browser tells of a film that it has already would come before anything hears it.
  useLayoutEffect(() => {
    playing.attach(box.current);
    return () => playing.attach(null);
  }, [playing]);
  const given = { ref: box, src: contentPath(file.id), preload: 'metadata', class: 'files-media' } as const;
  if (shape === 'audio')
    return (
      <div class="files-sound">
        <Icon name="sound" />
        <audio {...given} />
      </div>
    );
  return <video {...given} playsInline onClick={() => playing.toggle()} />;
}

/** What the film looks like now; where it cannot be shown, what else can be done. */
export function Screen({ file, playing }: { file: HandedFile; playing: Playing }) {
  const shape = shapeOf(file);
  if (file.completed_utc === null)
    return (
      <Empty title={receivedText(file)}>
        <p>{say('notYet')}</p>
      </Empty>
    );
  if (shape === 'none' || playing.isRefused.value)
    return (
      <Empty title={say(shape === 'none' ? 'notShown' : 'cannotPlay')}>
        <DownloadLink file={file} />
      </Empty>
    );
  if (shape === 'image') return <img class="files-media" src={contentPath(file.id)} alt={file.name} />;
  return <Media file={file} shape={shape} playing={playing} />;
}

function receivedText(file: HandedFile): string {
  const total = file.size_bytes;
  const percent = total ? Math.floor((file.received_bytes / total) * 100) : 0;
  const known = { received: bytesText(file.received_bytes), total: total === null ? '?' : bytesText(total) };
  return say('receiving', { percent, ...known });
}

interface ControlsProps {
  playing: Playing;
  hasVideo: boolean;
  onMark: (step: 1 | -1) => void;
  onComment: (() => void) | null;
}

function Rate({ playing }: Pick<ControlsProps, 'playing'>) {
  return (
    <select
      class="files-rate"
      aria-label={say('speed')}
      value={playing.rate.value}
      onChange={(event) => playing.setRate(Number(event.currentTarget.value))}
    >
      {RATES.map((rate) => (
        <option key={rate} value={rate}>
          {rate}×
        </option>
      ))}
    </select>
  );
}

export function Controls({ playing, hasVideo, onMark, onComment }: ControlsProps) {
  const isPlaying = playing.isPlaying.value;
  const isMuted = playing.isMuted.value;
  return (
    <div class="files-controls">
      <IconButton icon="left" label={say('markBack')} onClick={() => onMark(-1)} />
      <IconButton
        icon={isPlaying ? 'pause' : 'play'}
        kind="main"
        label={say(isPlaying ? 'pause' : 'play')}
        onClick={() => playing.toggle()}
      />
      <IconButton icon="right" label={say('markOn')} onClick={() => onMark(1)} />
      <Clock playing={playing} />
      <span class="spring" />
      {hasVideo && (
        <span class="files-frames">
          <IconButton icon="frameBack" label={say('frameBack')} onClick={() => playing.step(-1)} />
          <IconButton icon="frameOn" label={say('frameOn')} onClick={() => playing.step(1)} />
        </span>
      )}
      <Rate playing={playing} />
      <IconButton
        icon={isMuted ? 'silent' : 'sound'}
        label={say(isMuted ? 'unmute' : 'mute')}
        onClick={() => playing.mute(!isMuted)}
      />
      {hasVideo && <IconButton icon="full" label={say('full')} onClick={() => playing.full()} />}
      {onComment && (
        <Button icon="plus" onClick={onComment} aria-keyshortcuts="C">
          {say('commentHere')}
        </Button>
      )}
    </div>
  );
}

function Clock({ playing }: { playing: Playing }) {
  return (
    <span class="files-clock numbers">
      {clockOf(playing.timeS.value, 1)} <span class="muted">/ {clockOf(playing.durationS.value)}</span>
    </span>
  );
}
