/** One camera's picture with its name, the clock of its frame, and what is to be said where there is none. */

import { useLayoutEffect, useRef } from 'preact/hooks';
import { mp4Url } from '../api/footage';
import { camera, cameraName } from '../cameras';
import { filmName } from '../filmname';
import { clockText, isoOf, zoneName } from '../instants';
import { isPlaying } from '../moment';
import { Button } from '../parts/button';
import { Lamp, Spinner } from '../parts/shown';
import type { Channel } from './channel';
import type { Conductor } from './conductor';
import { GapNote } from './gapnote';
import { say } from './words';

const AROUND_MS = 120_000;

/** The media of a channel: its elements are its own and outlive what is drawn around them. */
function Media({ channel }: { channel: Channel }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    box.current?.replaceChildren(channel.video, channel.easel.canvas, channel.scanner.canvas);
  }, [channel]);
  return <div ref={box} class="player-media" />;
}

/** Exact to the frame: the wall time at which the frame shown began. */
function FrameClock({ channel }: { channel: Channel }) {
  const shownMs = channel.shownMs.value;
  if (shownMs === null) return null;
  const ms = Math.round(shownMs); // a sum of seconds, which is off by some billionths
  return (
    <time class="player-clock" dateTime={isoOf(ms)}>
      {clockText(ms, isPlaying.value ? 1 : 3)}
    </time>
  );
}

const filmOf = (id: number, startMs: number, endMs: number): string =>
  mp4Url(id, startMs, endMs, filmName(id, cameraName(id), startMs, endMs, zoneName()));

function Trouble({ channel, conductor }: { channel: Channel; conductor: Conductor }) {
  const trouble = channel.trouble.value;
  if (trouble === null) return null;
  const { kind, detail } = trouble;
  const at = channel.shownMs.value ?? conductor.ms;
  const text =
    kind === 'codec'
      ? say('unplayable', { codec: detail })
      : say(kind === 'decoding' ? 'undecodable' : 'failed', { reason: detail });
  return (
    <div class="player-trouble">
      <p>{text}</p>
      <p class="row">
        <a class="button" href={filmOf(channel.id, at - AROUND_MS, at + AROUND_MS)} download>
          {say('download')}
        </a>
        {kind !== 'codec' && <Button onClick={() => conductor.retry()}>{say('retry')}</Button>}
      </p>
    </div>
  );
}

interface CellProps {
  channel: Channel;
  conductor: Conductor;
  isLarge: boolean;
  onEnlarge: () => void;
}

/** The button that lies over the picture: it leads the others, and a second press enlarges it. */
function Press({ id, conductor, isLarge, onEnlarge }: Omit<CellProps, 'channel'> & { id: number }) {
  const press = () => {
    conductor.leader.value = id;
  };
  return (
    <button
      type="button"
      class="player-press"
      aria-label={say(isLarge ? 'shrink' : 'enlarge', { name: cameraName(id) })}
      aria-pressed={isLarge}
      onFocus={press}
      onClick={press}
      onDblClick={onEnlarge}
      onKeyDown={(event) => {
        if (event.key !== 'Enter') return;
        event.preventDefault();
        onEnlarge();
      }}
    />
  );
}

export function Cell({ channel, conductor, isLarge, onEnlarge }: CellProps) {
  const { id } = channel;
  const condition = channel.condition.value;
  const isLeader = conductor.leader.value === id;
  const known = camera(id);
  return (
    <figure
      class={`player-cell${isLarge ? ' is-large' : ''}`}
      data-id={id}
      data-condition={condition}
      data-scanning={channel.isScanning.value}
      aria-current={isLeader ? 'true' : undefined}
    >
      <Media channel={channel} />
      <Press id={id} conductor={conductor} isLarge={isLarge} onEnlarge={onEnlarge} />
      <figcaption class="player-caption">
        {known && <Lamp camera={known} />}
        <span class="player-name">{cameraName(id)}</span>
        <FrameClock channel={channel} />
      </figcaption>
      {condition === 'gap' && <GapNote id={id} conductor={conductor} />}
      {condition === 'loading' && <Spinner label={say('loading')} />}
      {condition === 'slow' && <p class="player-slow">{say('slow')}</p>}
      <Trouble channel={channel} conductor={conductor} />
    </figure>
  );
}
