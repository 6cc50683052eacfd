import { type Camera, type CameraGroup, runningTags } from '../cameras';
import { momentText } from '../instants';
import { may } from '../me';
import { Button, IconButton } from '../parts/button';
import { Check } from '../parts/field';
import { Menu } from '../parts/menu';
import { enterWall } from './mode';
import { open } from './opened';
import { pictureOf } from './pictures';
import { prefer, preferences, toggled, WIDTHS_PX } from './preferences';
import { isTroubled, NO_GROUP, ORDERS, type Order, SHOWN, type Shown } from './sections';
import { say } from './words';

export interface Narrowing {
  words: string;
  shown: Shown;
}

interface ToolsProps extends Narrowing {
  cameras: Camera[];
  groups: CameraGroup[];
  onNarrow: (change: Partial<Narrowing>) => void;
}

/** How many cameras there are and how they are, in words; said again when it changes. */
function Summary({ cameras }: { cameras: Camera[] }) {
  const recording = cameras.filter((camera) => camera.isRecording).length;
  const waiting = cameras.filter((camera) => camera.isWanted && !camera.isRecording).length;
  const trouble = cameras.filter((one) => isTroubled(one) || pictureOf(one.id).value.isSilent).length;
  const parts = [
    say('summary', { n: cameras.length }),
    recording > 0 && say('summaryRecording', { n: recording }),
    waiting > 0 && say('summaryWaiting', { n: waiting }),
    recording === 0 && cameras.some((camera) => camera.isUnattended) && say('summaryUnattended'),
    trouble > 0 && say('summaryTrouble', { n: trouble }),
  ];
  return (
    <p class="wall-summary muted small" role="status">
      {parts.filter(Boolean).join(' · ')}
    </p>
  );
}

interface ChoiceProps<Name extends string> {
  label: string;
  names: readonly Name[];
  chosen: Name;
  textOf: (name: Name) => string;
  onChoose: (name: Name) => void;
}

function Choice<Name extends string>({ label, names, chosen, textOf, onChoose }: ChoiceProps<Name>) {
  const choose = (value: string) => {
    const name = names.find((one) => one === value);
    if (name) onChoose(name);
  };
  return (
    <select
      class="wall-choice"
      aria-label={label}
      value={chosen}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {names.map((name) => (
        <option key={name} value={name}>
          {textOf(name)}
        </option>
      ))}
    </select>
  );
}

function GroupsMenu({ groups }: { groups: CameraGroup[] }) {
  const { hidden } = preferences.value;
  const all = [...groups.map(({ id, name }) => ({ key: id, name })), { key: NO_GROUP, name: say('noGroup') }];
  return (
    <Menu icon="grid" label={say('groups')}>
      <div class="wall-groups-menu">
        {all.map(({ key, name }) => (
          <Check
            key={key}
            label={name}
            checked={!hidden.includes(key)}
            onChange={() => prefer({ hidden: toggled(hidden, key) })}
          />
        ))}
      </div>
    </Menu>
  );
}

function SizeSlider() {
  return (
    <label class="wall-size">
      <span class="unseen">{say('width')}</span>
      <input
        type="range"
        title={say('width')}
        min={WIDTHS_PX.least}
        max={WIDTHS_PX.most}
        step={20}
        value={preferences.value.widthPx}
        onInput={(event) => prefer({ widthPx: Number(event.currentTarget.value) })}
      />
    </label>
  );
}

function Search({ words, onNarrow }: Pick<ToolsProps, 'words' | 'onNarrow'>) {
  return (
    <input
      type="search"
      id="wall-search"
      class="wall-search"
      aria-label={say('search')}
      placeholder={say('searchHint')}
      value={words}
      onInput={(event) => onNarrow({ words: event.currentTarget.value })}
    />
  );
}

/** What narrows, sorts and sizes the wall; and, for operators, starts recording. */
export function Tools({ cameras, groups, words, shown, onNarrow }: ToolsProps) {
  return (
    <div class="wall-tools">
      <Search words={words} onNarrow={onNarrow} />
      <Choice
        label={say('shown')}
        names={SHOWN}
        chosen={shown}
        textOf={(name) => say(`shown_${name}`)}
        onChoose={(name: Shown) => onNarrow({ shown: name })}
      />
      <Choice
        label={say('order')}
        names={ORDERS}
        chosen={preferences.value.order}
        textOf={(name) => say(`order_${name}`)}
        onChoose={(name: Order) => prefer({ order: name })}
      />
      {groups.length > 0 && <GroupsMenu groups={groups} />}
      <SizeSlider />
      <span class="spring" />
      {may('operator') && (
        <Button
          icon="dot"
          class="wall-record"
          onClick={() => open({ kind: 'record', ids: cameras.map(({ id }) => id) })}
        >
          {say('record')}
        </Button>
      )}
      <Button icon="full" title={say('wallModeHint')} onClick={enterWall}>
        {say('wallMode')}
      </Button>
    </div>
  );
}

/** A tag under which is to be recorded now: for how many cameras, since when, and how it is stopped. */
function TagChip({ name, cameras }: { name: string; cameras: Camera[] }) {
  const own = cameras.filter((camera) => camera.tags.some((tag) => tag.name === name));
  const begins = own.flatMap((camera) => camera.tags.filter((tag) => tag.name === name).map((tag) => tag.sinceMs));
  const since = begins.length ? say('since', { tag: name, time: momentText(Math.min(...begins)) }) : name;
  return (
    <li class="wall-tag-chip">
      <span class="lamp" data-lamp={own.some((camera) => camera.isRecording) ? 'recording' : 'waiting'} />
      <span>{since}</span>
      <span class="muted small">{say('summary', { n: begins.length })}</span>
      {may('operator') && (
        <IconButton icon="stop" label={say('stopTag', { name })} onClick={() => open({ kind: 'stop', tag: name })} />
      )}
    </li>
  );
}

/** How the cameras are, and the tags that record now. */
export function StateBar({ cameras }: { cameras: Camera[] }) {
  return (
    <div class="wall-state">
      <Summary cameras={cameras} />
      {runningTags.value.length > 0 && (
        <ul class="wall-tags" aria-label={say('runningTags')}>
          {runningTags.value.map((name) => (
            <TagChip key={name} name={name} cameras={cameras} />
          ))}
        </ul>
      )}
    </div>
  );
}
