/** Recordings: the player, below it the timeline, beside them what is cut out. */
import { useEffect } from 'preact/hooks';
import { ActivityBar } from '../activity';
import { Clips } from '../clips';
import { keepAddress, takeAddress } from '../moment';
import { Player } from '../player';
import { route } from '../route';
import { Timeline } from '../timeline';
import { ChooseCameras } from './choosecameras';
import { MomentLink } from './momentlink';
import './timelinepage.css';

/** Going back and on in the browser's history, and links into this page, show their moment. */
function useAddress(): void {
  useEffect(() => {
    const taken = () => {
      if (route.peek().page === 'timeline') takeAddress(route.peek().query);
    };
    taken();
    const end = keepAddress();
    addEventListener('popstate', taken);
    return () => {
      end();
      removeEventListener('popstate', taken);
    };
  }, []);
}

export default function TimelinePage() {
  useAddress();
  return (
    <div class="timelinepage">
      <Player />
      <Clips />
      <div class="timelinepage-lanes">
        <div class="timelinepage-tools">
          <ActivityBar />
          <ChooseCameras />
          <MomentLink />
        </div>
        <Timeline />
      </div>
    </div>
  );
}
