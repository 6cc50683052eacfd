import type { Camera } from '../cameras';
import { may } from '../me';
import { Button, IconButton } from '../parts/button';
import { open } from './opened';
import { prefer, preferences, toggled } from './preferences';
import { moved, type Section } from './sections';
import { Tile } from './tile';
import { say } from './words';

/** The cameras beside each other; by arrows the focus goes from picture to picture. */
export function Tiles({ cameras }: { cameras: Camera[] }) {
  const { order, own } = preferences.value;
  const ids = cameras.map((camera) => camera.id);
  const move = (id: number, places: number) => prefer({ own: moved(ids, own, id, places) });
  const drop = (id: number, target: number) => {
    if (ids.includes(id)) move(id, ids.indexOf(target) - ids.indexOf(id));
  };
  return (
    <ul class="wall-tiles">
      {cameras.map((camera) => (
        <Tile
          key={camera.id}
          camera={camera}
          onMove={order === 'own' ? (places) => move(camera.id, places) : null}
          onDrop={order === 'own' ? (id) => drop(id, camera.id) : null}
        />
      ))}
    </ul>
  );
}

function GroupButtons({ section: { name, cameras } }: { section: Section }) {
  if (!may('operator') || name === null) return null;
  const ids = cameras.map((camera) => camera.id);
  const isRecorded = cameras.some((camera) => camera.isWanted);
  return (
    <>
      <Button
        kind="quiet"
        icon="dot"
        class="wall-record"
        aria-label={say('recordGroup', { name })}
        onClick={() => open({ kind: 'record', ids })}
      >
        {say('record')}
      </Button>
      {isRecorded && (
        <Button
          kind="quiet"
          icon="stop"
          aria-label={say('stopGroup', { name })}
          onClick={() => open({ kind: 'stop', ids })}
        >
          {say('stop')}
        </Button>
      )}
    </>
  );
}

/** A group with its cameras, which can be folded. */
export function GroupSection({ section, isAlone }: { section: Section; isAlone: boolean }) {
  const { key, name, cameras } = section;
  const title = name ?? say('noGroup');
  const isFolded = preferences.value.folded.includes(key) && !isAlone;
  if (isAlone && name === null) return <Tiles cameras={cameras} />;
  return (
    <section class="wall-section" aria-label={title}>
      <div class="wall-section-head">
        <IconButton
          icon={isFolded ? 'right' : 'down'}
          label={say(isFolded ? 'unfold' : 'fold', { name: title })}
          aria-expanded={!isFolded}
          disabled={isAlone}
          onClick={() => prefer({ folded: toggled(preferences.peek().folded, key) })}
        />
        <h2>{title}</h2>
        <span class="muted small">{say('summary', { n: cameras.length })}</span>
        <span class="spring" />
        <GroupButtons section={section} />
      </div>
      {!isFolded && <Tiles cameras={cameras} />}
    </section>
  );
}
