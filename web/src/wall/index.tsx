/** The live wall: all cameras by group, with their newest picture and what they do. */
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { cameras as allCameras, groups as allGroups, type Camera } from '../cameras';
import { useKeys } from '../keys';
import { may, mayConfigure } from '../me';
import { Button, IconButton } from '../parts/button';
import { Link } from '../parts/link';
import { Empty, Spinner } from '../parts/shown';
import { changeQuery, route } from '../route';
import { columnsFor } from './fitting';
import { moveFocus } from './focus';
import { Large } from './large';
import { enterWall, followMode, isWall, leaveWall } from './mode';
import { open, opened } from './opened';
import { prefer, preferences, WIDTHS_PX } from './preferences';
import { RecordDialog } from './record';
import { GroupSection, Tiles } from './section';
import { isOfOne, type Section, SHOWN, sectionsOf } from './sections';
import { StopDialog } from './stop';
import { type Narrowing, StateBar, Tools } from './tools';
import './tile.css';
import './wall.css';
import { language } from '../words';
import { say } from './words';

const EDGE_PX = 8;

/** Each camera once, in the order in which they are shown. */
function unique(sections: Section[]): Camera[] {
  return [...new Map(sections.flatMap(({ cameras }) => cameras.map((camera) => [camera.id, camera]))).values()];
}

/** The pictures alone, as large as the screen lets them be. */
function WallMode({ cameras }: { cameras: Camera[] }) {
  const box = useRef<HTMLDivElement>(null);
  const [columns, setColumns] = useState(1);
  useLayoutEffect(() => {
    const arrange = () =>
      setColumns(columnsFor(cameras.length, innerWidth - EDGE_PX, innerHeight - EDGE_PX, WIDTHS_PX.least));
    arrange();
    addEventListener('resize', arrange);
    box.current?.focus();
    return () => removeEventListener('resize', arrange);
  }, [cameras.length]);
  return (
    <div ref={box} class="wall-mode" tabIndex={-1} style={{ '--columns': columns }}>
      <Tiles cameras={cameras} />
      <div class="wall-leave">
        <IconButton icon="close" label={say('leaveWall')} onClick={leaveWall} />
      </div>
    </div>
  );
}

function Nothing({ cameras, onShowAll }: { cameras: Camera[]; onShowAll: () => void }) {
  if (cameras.length) {
    return (
      <Empty title={say('noMatch')}>
        <p>{say('noMatchHint', { n: cameras.length })}</p>
        <Button kind="main" onClick={onShowAll}>
          {say('showAll')}
        </Button>
      </Empty>
    );
  }
  return (
    <Empty title={say('none')}>
      <p>{say(mayConfigure ? 'noneHint' : 'noneViewer')}</p>
      {mayConfigure && (
        <Link class="button is-main" page="cameras" query={{ open: 'add' }}>
          {say('addCamera')}
        </Link>
      )}
    </Empty>
  );
}

function Opened({ cameras, shown }: { cameras: Camera[]; shown: Camera[] }) {
  const dialog = opened.value;
  if (dialog?.kind === 'large') {
    const camera = cameras.find((one) => one.id === dialog.id);
    return camera ? <Large camera={camera} cameras={shown} /> : null;
  }
  if (dialog?.kind === 'record') return <RecordDialog ids={dialog.ids} />;
  if (dialog?.kind !== 'stop') return null;
  return 'tag' in dialog ? <StopDialog tag={dialog.tag} ids={[]} /> : <StopDialog tag={null} ids={dialog.ids} />;
}

function useWallKeys(cameras: Camera[]): void {
  const hints = useMemo(
    () => [
      { keys: '/', hint: say('keySearch'), act: () => document.getElementById('wall-search')?.focus() },
      { keys: 'f', hint: say('keyWall'), act: () => (isWall.peek() ? leaveWall() : enterWall()) },
      { keys: 'ArrowLeft ArrowRight ArrowUp ArrowDown', hint: say('keyArrows'), act: moveFocus },
      { keys: 'Escape', hint: say('leaveWall'), act: leaveWall },
      ...(may('operator')
        ? [{ keys: 'r', hint: say('keyRecord'), act: () => open({ kind: 'record', ids: cameras.map(({ id }) => id) }) }]
        : []),
    ],
    [cameras, language.value],
  );
  useKeys(hints);
}

/** What of the cameras is shown stands in the address. */
function narrowingOf(query: URLSearchParams): Narrowing {
  return { words: query.get('find') ?? '', shown: SHOWN.find((one) => one === query.get('show')) ?? 'all' };
}

function narrow({ words, shown }: Partial<Narrowing>): void {
  if (words !== undefined) changeQuery({ find: words });
  if (shown !== undefined) changeQuery({ show: shown === 'all' ? null : shown });
}

export default function Wall() {
  const { query } = route.value;
  const narrowing = useMemo(() => narrowingOf(query), [query]);
  const cameras = allCameras.value;
  const groups = useMemo(
    () => allGroups.value.filter((group) => !isOfOne(group, cameras ?? [])),
    [cameras, allGroups.value],
  );
  const { order, own, hidden, widthPx } = preferences.value;
  const sections = useMemo(
    () => sectionsOf(cameras ?? [], groups, { ...narrowing, order, own, hidden }),
    [cameras, groups, narrowing, order, own, hidden],
  );
  const shown = useMemo(() => unique(sections), [sections]);
  useLayoutEffect(followMode, []); // nothing else is painted as a wall
  useWallKeys(shown);
  if (cameras === null) return <Spinner />;
  const showAll = () => {
    narrow({ words: '', shown: 'all' });
    prefer({ hidden: [] });
  };
  return (
    <div class="wall" style={{ '--tile': `${widthPx}px` }}>
      <h1 class="unseen">{say('title')}</h1>
      {isWall.value ? (
        <WallMode cameras={shown} />
      ) : (
        <>
          <Tools cameras={cameras} groups={groups} {...narrowing} onNarrow={narrow} />
          <StateBar cameras={cameras} />
          {sections.map((section) => (
            <GroupSection key={section.key} section={section} isAlone={sections.length === 1 && groups.length === 0} />
          ))}
          {sections.length === 0 && <Nothing cameras={cameras} onShowAll={showAll} />}
        </>
      )}
      <Opened cameras={cameras} shown={shown} />
    </div>
  );
}
