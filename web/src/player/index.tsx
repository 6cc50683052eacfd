/** The pictures of the chosen cameras at one moment, and what plays them. */

import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { cameras } from '../cameras';
import { me } from '../me';
import * as moment from '../moment';
import { Empty, Spinner } from '../parts/shown';
import { Cell } from './cell';
import { Conductor } from './conductor';
import { Controls } from './controls';
import { Notices } from './notices';
import { usePlayerKeys } from './playerkeys';
import { steady } from './scrubbing';
import { isSoundOn, volume } from './settings';
import { say } from './words';
import './player.css';

/** Sound is that of the leading picture, at speeds at which it can be understood. */
function useSound(conductor: Conductor): void {
  useSignalEffect(() => {
    const isHeard = isSoundOn.value && moment.rate.value >= 0.5 && moment.rate.value <= 2;
    for (const { id, video } of conductor.channels.value) {
      video.muted = !isHeard || id !== conductor.leader.value;
      video.volume = volume.value;
    }
  });
}

function useFull(box: { current: HTMLElement | null }) {
  const isFull = useSignal(false);
  useEffect(() => {
    const note = () => {
      isFull.value = document.fullscreenElement === box.current;
    };
    document.addEventListener('fullscreenchange', note);
    return () => document.removeEventListener('fullscreenchange', note);
  }, [box, isFull]);
  const toggle = useCallback(() => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else box.current?.requestFullscreen?.().catch(() => {}); // refused: nothing changes
  }, [box]);
  return { isFull, toggle };
}

function Pictures({ conductor }: { conductor: Conductor }) {
  const large = useSignal<number | null>(null);
  const channels = conductor.channels.value;
  const isOneLarge = channels.some((one) => one.id === large.value) && channels.length > 1;
  const columns = Math.ceil(Math.sqrt(channels.length));
  return (
    <section
      class={`player-grid${isOneLarge ? ' has-large' : ''}`}
      aria-label={say('pictures')}
      style={{
        '--columns': String(isOneLarge ? Math.max(1, channels.length - 1) : columns),
        '--columns-narrow': String(isOneLarge ? Math.max(1, channels.length - 1) : Math.min(columns, 2)),
      }}
    >
      {channels.map((channel) => (
        <Cell
          key={channel.id}
          channel={channel}
          conductor={conductor}
          isLarge={isOneLarge && channel.id === large.value}
          onEnlarge={() => {
            large.value = large.value === channel.id ? null : channel.id;
            conductor.leader.value = channel.id;
          }}
        />
      ))}
    </section>
  );
}

/** Why no picture is there: no camera is chosen, or there is none that this person may see. */
function emptyWord(): 'noCameras' | 'noneThere' | 'noneSeen' {
  if (cameras.value?.length) return 'noCameras';
  return me.seesAll ? 'noneThere' : 'noneSeen';
}

/** Show these cameras; where none is left nothing goes on, and the page says why. */
function show(conductor: Conductor, ids: readonly number[]): void {
  const wereShown = conductor.channels.peek().length > 0;
  conductor.choose(ids);
  if (ids.length > 0 || !wereShown) return;
  conductor.pause();
  conductor.notice.value = null;
  moment.clockMs.value = null;
}

export function Player() {
  const [conductor] = useState(() => new Conductor());
  const box = useRef<HTMLElement>(null);
  const { isFull, toggle } = useFull(box);
  const isKnown = useComputed(() => cameras.value !== null);
  useSignalEffect(() => {
    const mayBegin = moment.areLanesDrawn.value || moment.isMomentNamed;
    if (cameras.value !== null && mayBegin) show(conductor, moment.chosen.value);
  });
  // Before the pictures leave the page: an effect would give them back only after what follows is painted.
  useLayoutEffect(() => {
    const commands = steady(conductor);
    const end = moment.registerPlayer(commands);
    return () => {
      end();
      commands.end();
      conductor.close();
    };
  }, [conductor]);
  useSound(conductor);
  usePlayerKeys(conductor, toggle);
  const isEmpty = isKnown.value && moment.chosen.value.length === 0;
  return (
    <section class="player" ref={box} aria-label={say('player')}>
      {!isKnown.value && <Spinner />}
      {isEmpty ? <Empty title={say(emptyWord())} /> : <Pictures conductor={conductor} />}
      <Notices conductor={conductor} />
      <Controls conductor={conductor} isFull={isFull.value} onFull={toggle} />
    </section>
  );
}
