/** What the colours and patterns of gaps mean. */
import { useEffect, useRef } from 'preact/hooks';
import { FAMILIES, type Family, familyText } from '../causes';
import { theme } from '../theme';
import { drawSwatch, readColours } from './colours';
import { say } from './words';

function Swatch({ family }: { family: Family }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const shownTheme = theme.value;
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !probe.current || !context) return;
    drawSwatch(canvas.current, family, readColours(probe.current, context, 1));
  }, [family, shownTheme]);
  return (
    <>
      <span aria-hidden="true">
        <canvas ref={canvas} class="timeline-swatch" width="28" height="16" />
      </span>
      <span ref={probe} hidden />
    </>
  );
}

export function Legend() {
  return (
    <div class="timeline-legend">
      <p class="small">{say('legend')}</p>
      <ul>
        {FAMILIES.map((family) => (
          <li key={family} class="small">
            <Swatch family={family} />
            {familyText(family)}
          </li>
        ))}
      </ul>
    </div>
  );
}
