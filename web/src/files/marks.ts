/** Findings and comments as marks along the time of a film, or the pages of a document. Nothing here draws. */
import type { Comment, Finding } from '../api/files';
import { SEVERITIES, type Severity } from '../api/severity';

/** Who said it: the analyser in its result, the AI in a comment, a person. */
export const LANES = ['finding', 'ai', 'user'] as const;
export type Lane = (typeof LANES)[number];

export interface Mark {
  key: string;
  lane: Lane;
  severity: Severity;
  violation: string | null;
  startS: number | null;
  endS: number | null;
  page: number | null;
  /** The quotation, or what was said. */
  text: string;
  confidence: number | null;
  /** Of comments alone. */
  comment: Comment | null;
}

export interface MarkFilter {
  /** Empty: all of them. */
  severities: Severity[];
  lanes: Lane[];
  violation: string;
}

export const NO_FILTER: MarkFilter = { severities: [], lanes: [], violation: '' };

function ofFinding(finding: Finding, number: number): Mark {
  const { severity, violation, start, end, page, quotation, confidence } = finding;
  const key = `finding-${number}`;
  return {
    key,
    lane: 'finding',
    severity,
    violation,
    startS: start,
    endS: end,
    page,
    text: quotation ?? '',
    confidence,
    comment: null,
  };
}

function ofComment(comment: Comment): Mark {
  const { id, severity, violation, start, end } = comment;
  const lane = comment.comment_author === 'AI' ? 'ai' : 'user';
  const more = { page: null, confidence: null, comment };
  return { key: `comment-${id}`, lane, severity, violation, startS: start, endS: end, text: comment.comment, ...more };
}

/** Where a mark stands: its begin, or its end where it has no begin. */
export const atOf = (mark: Mark): number | null => mark.startS ?? mark.endS;

function compare(one: Mark, other: Mark): number {
  const far = Number.POSITIVE_INFINITY;
  const byTime = (atOf(one) ?? far) - (atOf(other) ?? far) || 0;
  return byTime || (one.page ?? far) - (other.page ?? far) || 0;
}

/** All marks in the order of time, then of pages; what has neither comes last, as it was said. */
export function marksOf(findings: readonly Finding[], comments: readonly Comment[]): Mark[] {
  return [...findings.map(ofFinding), ...comments.map(ofComment)].toSorted(compare);
}

export function filtered(marks: readonly Mark[], filter: MarkFilter): Mark[] {
  const { severities, lanes, violation } = filter;
  return marks.filter(
    (mark) =>
      (!severities.length || severities.includes(mark.severity)) &&
      (!lanes.length || lanes.includes(mark.lane)) &&
      (!violation || mark.violation === violation),
  );
}

/** The violations that occur, in the order of their letters. */
export function violationsIn(marks: readonly Mark[]): string[] {
  const found = new Set(marks.flatMap((mark) => (mark.violation ? [mark.violation] : [])));
  return [...found].toSorted((one, other) => one.localeCompare(other));
}

const BEFORE_S = 0.05; // players stop a little before the frame that was asked for
const MOMENT_S = 2; // how long a mark without an end counts as being shown

/** Whether a mark is about what is shown at a time. */
export function isAt(mark: Mark, timeS: number): boolean {
  const startS = atOf(mark);
  if (startS === null || timeS < startS - BEFORE_S) return false;
  return timeS <= Math.max(mark.endS ?? startS, startS + MOMENT_S);
}

/** The mark that the list shows at a time: the last one that has begun; null before the first. */
export function lastBegun(marks: readonly Mark[], timeS: number): Mark | null {
  return marks.findLast((mark) => (atOf(mark) ?? Number.POSITIVE_INFINITY) <= timeS + BEFORE_S) ?? null;
}

const SAME_S = 0.25;

/** The next mark behind a time, or with `step` -1 the one before it. */
export function neighbour(marks: readonly Mark[], timeS: number, step: 1 | -1): Mark | null {
  const isBeyond = (mark: Mark) => {
    const atS = atOf(mark);
    return atS !== null && (step > 0 ? atS > timeS + SAME_S : atS < timeS - SAME_S);
  };
  return (step > 0 ? marks.find(isBeyond) : marks.findLast(isBeyond)) ?? null;
}

const graver = (one: Severity, other: Severity): Severity =>
  SEVERITIES.indexOf(one) >= SEVERITIES.indexOf(other) ? one : other;

/** Marks of one lane that would lie on one another, drawn as one. */
export interface Cluster {
  lane: Lane;
  /** Centre, as a share of the length. */
  share: number;
  severity: Severity;
  marks: Mark[];
}

/**
 * Join marks of a lane whose symbols, `leastPx` wide, would touch on a track of `widthPx`. `marks` rise in time, those
 * without a time are left out. A cluster stands at its first mark and is as grave as its gravest.
 */
export function clustersOf(marks: readonly Mark[], durationS: number, widthPx: number, leastPx: number): Cluster[] {
  const newest = new Map<Lane, Cluster>();
  const found: Cluster[] = [];
  for (const mark of marks) {
    const atS = atOf(mark);
    if (atS === null || durationS <= 0) continue;
    const share = Math.min(1, atS / durationS);
    const last = newest.get(mark.lane);
    if (last && (share - last.share) * widthPx < leastPx) {
      last.marks.push(mark);
      last.severity = graver(last.severity, mark.severity);
    } else {
      const cluster = { lane: mark.lane, share, severity: mark.severity, marks: [mark] };
      newest.set(mark.lane, cluster);
      found.push(cluster);
    }
  }
  return found;
}
