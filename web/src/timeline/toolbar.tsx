/** The buttons above the lanes. */
import { momentText, nowMs, zoneName } from '../instants';
import { clockMs, view } from '../moment';
import { Button, IconButton } from '../parts/button';
import { Check, Field } from '../parts/field';
import { Menu } from '../parts/menu';
import { LANE_CHOICES, type LaneChoice } from './lanes';
import { laneChoice } from './layout';
import { Legend } from './legend';
import { MomentPicker } from './picker';
import { isWithin, spanOf } from './scale';
import { goToNow, isFollowing, pan, setSpan, zoom } from './steering';
import { cursor, isOn, SWITCHES, toggle } from './store';
import { say } from './words';

const SPANS_S = [60, 900, 3600, 21_600, 86_400, 604_800, 2_592_000, 31_536_000] as const;
const NEARLY = 0.01;
const ZOOM_STEP = 2;

/** About what buttons and keys zoom: where somebody points, else what the player shows, else the middle. */
export function anchorMs(): number | null {
  const shown = view.peek();
  const found = cursor.peek()?.ms ?? clockMs.peek();
  return found !== null && isWithin(shown, found) ? found : null;
}

function Spans() {
  const spanS = spanOf(view.value) / 1000;
  return (
    <fieldset class="timeline-spans" aria-label={say('span')}>
      {SPANS_S.map((lengthS) => (
        <button
          key={lengthS}
          type="button"
          class="button is-quiet"
          aria-pressed={Math.abs(spanS / lengthS - 1) < NEARLY}
          onClick={() => setSpan(lengthS * 1000, anchorMs())}
        >
          {say(`span${lengthS}`)}
        </button>
      ))}
    </fieldset>
  );
}

/** What is shown, as text: from when to when. */
export function Shown() {
  const { startMs, endMs } = view.value;
  void zoneName();
  return (
    <p class="timeline-shown small muted numbers">
      {say('shownRange', { from: momentText(startMs, endMs), to: momentText(Math.min(endMs, nowMs()), startMs) })}
    </p>
  );
}

function Layers() {
  return (
    <Menu icon="sliders" label={say('layers')}>
      <fieldset class="timeline-layers">
        <legend class="small">{say('layers')}</legend>
        {SWITCHES.map((name) => (
          <Check key={name} label={say(name)} checked={isOn(name)} onChange={() => toggle(name)} />
        ))}
      </fieldset>
      <Field label={say('laneHeight')}>
        <select
          value={laneChoice.value}
          onChange={(event: Event) => {
            laneChoice.value = (event.currentTarget as HTMLSelectElement).value as LaneChoice;
          }}
        >
          {LANE_CHOICES.map((one) => (
            <option key={one} value={one}>
              {say(`lanes_${one}`)}
            </option>
          ))}
        </select>
      </Field>
      <Legend />
    </Menu>
  );
}

interface ToolbarProps {
  onGo: (ms: number, isDay: boolean) => void;
  isPicking: { value: boolean };
}

function Moves() {
  const spanMs = () => spanOf(view.peek());
  return (
    <div class="row">
      <IconButton icon="left" label={say('earlier')} onClick={() => pan(-spanMs() / 2, true)} />
      <IconButton icon="right" label={say('later')} onClick={() => pan(spanMs() / 2, true)} />
      <IconButton icon="minus" hotkey="−" label={say('zoomOut')} onClick={() => zoom(ZOOM_STEP, anchorMs(), true)} />
      <IconButton icon="plus" hotkey="+" label={say('zoomIn')} onClick={() => zoom(1 / ZOOM_STEP, anchorMs(), true)} />
    </div>
  );
}

export function Toolbar({ onGo, isPicking }: ToolbarProps) {
  return (
    <div class="timeline-bar">
      <Moves />
      <Spans />
      <div class="row timeline-bar-end">
        <Button
          icon="clock"
          title={`${say('goToTitle')} (G)`}
          onClick={() => {
            isPicking.value = true;
          }}
        >
          {say('goTo')}
        </Button>
        <Button aria-pressed={isFollowing.value} title={say('nowHint')} onClick={goToNow}>
          {say('now')}
        </Button>
        <Layers />
      </div>
      {isPicking.value && (
        <MomentPicker
          onGo={onGo}
          onClose={() => {
            isPicking.value = false;
          }}
        />
      )}
    </div>
  );
}
