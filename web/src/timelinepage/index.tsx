/** Recordings: the player, below it the timeline, beside them what is cut out. */
import { effect, untracked } from '@preact/signals';
import { useEffect, useLayoutEffect } from 'preact/hooks';
import { ActivityBar } from '../activity';
import { Clips } from '../clips';
import { markAt } from '../clips/markfields';
import { areLanesDrawn, keepAddress, takeAddress } from '../moment';
import { isNarrow } from '../narrow';
import { Player } from '../player';
import { arrivals, route } from '../route';
import { Timeline } from '../timeline';
import { heightOf } from '../timeline/lanes';
import { lanes } from '../timeline/layout';
import { ChooseCameras } from './choosecameras';
import { MissingCameras } from './missing';
import { MomentLink } from './momentlink';
import './timelinepage.css';

/** Going back and on in the browser's history, and links into this page, show their moment. */
const followAddress = () =>
  effect(() => {
    void arrivals.value;
    const { page, query } = route.peek();
    if (page === 'timeline') untracked(() => takeAddress(query));
  });

function useAddress(): void {
  useLayoutEffect(followAddress, []); // before the page can be seen: it would undo what is done there
  useEffect(keepAddress, []);
}

const LANES_FIRST_MS = 500;

/** The lanes come first, but nothing waits long for them. */
function useLanesFirst(): void {
  useEffect(() => {
    const timer = setTimeout(() => {
      areLanesDrawn.value = true;
    }, LANES_FIRST_MS);
    return () => clearTimeout(timer);
  }, []);
}

/** The lanes with what is pressed for them: above, or on a telephone below, where they would else not be seen at once. */
function Lanes() {
  const timeline = <Timeline key="timeline" onMark={markAt} />;
  const tools = (
    <div key="tools" class="timelinepage-tools">
      <ActivityBar />
      <ChooseCameras />
      <MomentLink />
    </div>
  );
  return <>{isNarrow.value ? [timeline, tools] : [tools, timeline]}</>;
}

export default function TimelinePage() {
  useAddress();
  useLanesFirst();
  return (
    <div class="timelinepage" style={{ '--lanes-height': `${heightOf(lanes.value)}px` }}>
      <Player />
      <Clips />
      <div class="timelinepage-lanes">
        <MissingCameras />
        <Lanes />
      </div>
    </div>
  );
}
