/** The length of a film with what was found and said along it, a lane for each who says something. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { atOf, type Cluster, clustersOf, LANES, type Lane, type Mark } from './marks';
import type { Playing } from './playing';
import { say } from './reviewwords';
import { clockOf, spanOf } from './seconds';
import { SeverityMark, severityText } from './severity';

const SYMBOL_PX = 26; // of a symbol that can be pressed: 24 and a gap
const SPANS_SHOWN = 600; // a lane of more is a bar anyway

const percent = (share: number): string => `${Math.min(100, Math.max(0, share * 100))}%`;

/** The width of an element in pixels, as it is now. */
function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    if (!box.current) return;
    const watch = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width || 600));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return { box, width };
}

function clusterText({ marks, severity }: Cluster): string {
  const [first] = marks;
  if (marks.length > 1 || !first) return `${say('several', { n: marks.length })}, ${severityText(severity)}`;
  return [spanOf(first.startS, first.endS), severityText(severity), first.violation, first.text.slice(0, 120)]
    .filter(Boolean)
    .join(' · ');
}

interface LaneProps {
  lane: Lane;
  marks: Mark[];
  clusters: Cluster[];
  durationS: number;
  onJump: (mark: Mark) => void;
}

function LaneRow({ lane, marks, clusters, durationS, onJump }: LaneProps) {
  const spans = marks.filter((mark) => mark.endS !== null && mark.startS !== null).slice(0, SPANS_SHOWN);
  return (
    <div class="files-lane" data-lane={lane}>
      {spans.map(({ key, startS, endS, severity }) => (
        <span
          key={key}
          class="files-span"
          data-severity={severity}
          style={{
            insetInlineStart: percent((startS ?? 0) / durationS),
            width: percent(((endS ?? 0) - (startS ?? 0)) / durationS),
          }}
        />
      ))}
      {clusters.map((cluster) => (
        <button
          key={cluster.marks[0]?.key}
          type="button"
          class="files-symbol"
          tabIndex={-1} // the list beside has each of them for the keyboard
          title={clusterText(cluster)}
          aria-label={clusterText(cluster)}
          style={{ insetInlineStart: percent(cluster.share) }}
          onClick={() => cluster.marks[0] && onJump(cluster.marks[0])}
        >
          <SeverityMark severity={cluster.severity} />
          {cluster.marks.length > 1 && <span class="files-count">{cluster.marks.length}</span>}
        </button>
      ))}
    </div>
  );
}

interface TrackProps {
  marks: Mark[];
  playing: Playing;
  span: { fromS: number | null; toS: number | null };
  onJump: (mark: Mark) => void;
}

function Slider({ playing }: { playing: Playing }) {
  const durationS = playing.durationS.value;
  const timeS = playing.timeS.value;
  return (
    <input
      type="range"
      class="files-slider"
      aria-label={say('position')}
      aria-valuetext={`${clockOf(timeS)} / ${clockOf(durationS)}`}
      min={0}
      max={durationS || 1}
      step="any"
      value={timeS}
      onInput={(event) => playing.seek(Number(event.currentTarget.value))}
    />
  );
}

function Playhead({ playing }: { playing: Playing }) {
  const durationS = playing.durationS.value || 1;
  return <span class="files-playhead" style={{ insetInlineStart: percent(playing.timeS.value / durationS) }} />;
}

/** The stretch that is chosen, from begin or to the end where one of both is. */
function Chosen({ span: { fromS, toS }, durationS }: { span: TrackProps['span']; durationS: number }) {
  if (fromS === null && toS === null) return null;
  const begin = fromS ?? 0;
  const style = {
    insetInlineStart: percent(begin / durationS),
    width: percent(((toS ?? durationS) - begin) / durationS),
  };
  return <span class="files-chosen" style={style} />;
}

export function Track({ marks, playing, span, onJump }: TrackProps) {
  const { box, width } = useWidth();
  const durationS = playing.durationS.value;
  const clusters = useMemo(() => clustersOf(marks, durationS, width, SYMBOL_PX), [marks, durationS, width]);
  const lanes = LANES.filter((lane) => marks.some((mark) => mark.lane === lane && atOf(mark) !== null));
  if (durationS <= 0) return null;
  return (
    <section class="files-track" aria-label={say('marksOf')}>
      <div class="files-lane-names" aria-hidden="true">
        <span />
        {lanes.map((lane) => (
          <span key={lane}>{say(lane)}</span>
        ))}
      </div>
      <div class="files-lanes" ref={box}>
        <Slider playing={playing} />
        {lanes.map((lane) => (
          <LaneRow
            key={lane}
            lane={lane}
            marks={marks.filter((mark) => mark.lane === lane)}
            clusters={clusters.filter((cluster) => cluster.lane === lane)}
            durationS={durationS}
            onJump={onJump}
          />
        ))}
        <Chosen span={span} durationS={durationS} />
        <Playhead playing={playing} />
      </div>
    </section>
  );
}
