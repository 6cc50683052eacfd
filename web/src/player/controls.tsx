/** What is pressed to play: below the pictures, each with its key. */

import { useRef } from 'preact/hooks';
import { clockText, dayText, durationText, isoOf, nowMs, numberText } from '../instants';
import { MINUTE_MS } from '../lengths';
import * as moment from '../moment';
import { IconButton } from '../parts/button';
import { Icon } from '../parts/icon';
import { Menu } from '../parts/menu';
import { say as sayShell } from '../shellwords';
import type { Conductor } from './conductor';
import { isSoundOn, jumpsGaps, volume } from './settings';
import { say } from './words';

const LATE_MS = MINUTE_MS;

/** The clock that all pictures follow. */
function MasterClock() {
  const ms = moment.clockMs.value;
  const digits = moment.isPlaying.value ? 0 : 3;
  return (
    <time class="player-master" dateTime={ms === null ? '' : isoOf(ms)} aria-live="off">
      <span class="player-master-day small muted">{ms === null ? '' : dayText(ms)}</span>
      <span class="player-master-time">{ms === null ? '--:--:--' : clockText(ms, digits)}</span>
    </time>
  );
}

function Live({ conductor }: { conductor: Conductor }) {
  const ms = moment.clockMs.value;
  const lateMs = ms === null ? null : nowMs() - ms;
  const isShown = moment.isLive.value && lateMs !== null && lateMs < LATE_MS;
  return (
    <button
      type="button"
      class="button player-live"
      aria-pressed={moment.isLive.value}
      title={`${say('goLive')} (End). ${say('lateHint')}`}
      onClick={() => conductor.goLive()}
    >
      <Icon name="dot" />
      {say('live')}
      {isShown && (
        <span class="small numbers player-late">
          {say('late', { seconds: durationText(Math.round(lateMs / 1000) * 1000) })}
        </span>
      )}
    </button>
  );
}

function Speed({ conductor }: { conductor: Conductor }) {
  const rate = moment.rate.value;
  const isPointed = useRef(false);
  const all =
    rate < 0 ? [...moment.RATES.map((one) => -one).filter((one) => one <= -1), ...moment.RATES] : moment.RATES;
  return (
    <select
      class="player-speed"
      aria-label={say('speed')}
      value={String(rate)}
      title={`${say('speed')} (J, L)`}
      onPointerDown={() => {
        isPointed.current = true;
      }}
      onKeyDown={() => {
        isPointed.current = false;
      }}
      onChange={(event) => {
        conductor.setRate(Number(event.currentTarget.value));
        if (isPointed.current) event.currentTarget.blur(); // else the next space would open it again
      }}
    >
      {all.map((one) => (
        <option key={one} value={String(one)}>
          {`${numberText(one, 2)}×`}
        </option>
      ))}
    </select>
  );
}

function Sound({ conductor }: { conductor: Conductor }) {
  const leader = conductor.channels.value.find((one) => one.id === conductor.leader.value);
  const hasSound = leader?.hasSound.value ?? false;
  const label = hasSound ? say(isSoundOn.value ? 'silent' : 'sound') : say('noSound');
  return (
    <span class="player-sound">
      <IconButton
        icon={isSoundOn.value && hasSound ? 'sound' : 'silent'}
        label={label}
        disabled={!hasSound}
        onClick={() => {
          isSoundOn.value = !isSoundOn.value;
        }}
      />
      <input
        type="range"
        min="0"
        max="1"
        step="0.05"
        value={volume.value}
        disabled={!hasSound}
        aria-label={say('volume')}
        data-own-keys
        onInput={(event) => {
          volume.value = Number(event.currentTarget.value);
        }}
      />
    </span>
  );
}

interface ControlsProps {
  conductor: Conductor;
  isFull: boolean;
  onFull: () => void;
}

export function Controls({ conductor, isFull, onFull }: ControlsProps) {
  const isPlaying = moment.isPlaying.value;
  return (
    <div class="player-controls" role="toolbar" aria-label={say('controls')}>
      <IconButton icon="frameBack" hotkey="," label={say('frameBack')} onClick={() => conductor.step(-1)} />
      <IconButton icon="back" hotkey="←" label={say('back')} onClick={() => conductor.shift(-10_000)} />
      <IconButton
        kind="main"
        icon={isPlaying ? 'pause' : 'play'}
        label={say(isPlaying ? 'pause' : 'play')}
        hotkey={sayShell('space')}
        class="player-toggle"
        onClick={() => conductor.toggle()}
      />
      <IconButton icon="on" hotkey="→" label={say('on')} onClick={() => conductor.shift(10_000)} />
      <IconButton icon="frameOn" hotkey="." label={say('frameOn')} onClick={() => conductor.step(1)} />
      <MasterClock />
      <Live conductor={conductor} />
      <span class="spring" />
      <Speed conductor={conductor} />
      <Sound conductor={conductor} />
      <Menu icon="sliders" label={say('options')}>
        <label class="check">
          <input
            type="checkbox"
            checked={jumpsGaps.value}
            onChange={(event) => {
              jumpsGaps.value = event.currentTarget.checked;
            }}
          />
          {say('jumps')}
        </label>
        <p class="small muted player-note">{say('lateHint')}</p>
      </Menu>
      <IconButton icon="full" hotkey="F" label={say(isFull ? 'exitFull' : 'full')} onClick={onFull} />
    </div>
  );
}
