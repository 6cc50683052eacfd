/** What the setting of clocks does to a mark: a time that came twice is chosen, one that there was not is told. */
import { zoneName } from '../instants';
import { WhichTime } from '../parts/whichtime';
import { say } from '../typedwords';
import { exactText } from '../wallclock';
import { alike, type Side } from './typing';

interface TwiceProps {
  side: Side;
  ms: number | null;
  isLeftOut: boolean;
  onChoose: (ms: number) => void;
}

export function Twice({ side, ms, isLeftOut, onChoose }: TwiceProps) {
  const zone = zoneName();
  const instants = ms === null ? [] : alike(ms, zone, exactText(ms, zone));
  return (
    <>
      <p class="small muted" role="status">
        {isLeftOut && say('leftOut')}
      </p>
      <WhichTime name={`clips-${side}`} instants={instants} chosenMs={ms} onChoose={onChoose} />
    </>
  );
}
