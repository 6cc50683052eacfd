/** How grave, as a symbol: each word has a colour and a shape of its own, so that neither is needed alone. */
import type { Severity } from '../api/severity';
import { say } from './reviewwords';

const WORDS = { '----': 'notJudged', None: 'None', mild: 'mild', moderate: 'moderate', severe: 'severe' } as const;
/** 16×16: a dash, a ring, a disc, a triangle, a diamond with a bar. */
const SHAPES: Record<Severity, string> = {
  '----': 'M2 6.5h12v3H2z',
  None: 'M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zm0 2.500a4 4 0 1 1 0 8 4 4 0 0 1 0-8z',
  mild: 'M8 2.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11z',
  moderate: 'M8 1.500 15.500 14.500H.5z',
  severe:
    'M8 0l8 8-8 8-8-8zM6.900 3.800l.35 5.200h1.500l.35-5.200zM8 10.200a1.150 1.150 0 1 0 0 2.300 1.150 1.150 0 0 0 0-2.300z',
};
const NAMES: Record<Severity, string> = {
  '----': 'unjudged',
  None: 'none',
  mild: 'mild',
  moderate: 'moderate',
  severe: 'severe',
};

export const severityText = (severity: Severity): string => say(WORDS[severity]);

export function SeverityMark({ severity }: { severity: Severity }) {
  return (
    <svg class="files-severity" data-severity={NAMES[severity]} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[severity]} fill-rule="evenodd" />
    </svg>
  );
}

/** The symbol with its word. */
export function SeverityWord({ severity }: { severity: Severity }) {
  return (
    <span class="files-severity-word">
      <SeverityMark severity={severity} />
      {severityText(severity)}
    </span>
  );
}
