/** What is said of all pictures together. */
import { ApiError } from '../api/call';

/** What is said of what just happened; `offers` are moments to go to. */
export interface Notice {
  readonly kind: 'jumped' | 'nothing' | 'end' | 'begin' | 'refused' | 'gone' | 'cutOff';
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly beforeMs: number | null;
  readonly afterMs: number | null;
  readonly text: string;
}

/** What is said of an error: that a camera is gone is no fault of the service. */
export function refusalOf(error: unknown, fromMs: number): Notice {
  const isGone = error instanceof ApiError && error.of('source_id').some(({ type }) => type === 'not_found');
  return noticeOf(isGone ? 'gone' : 'refused', { fromMs, text: (error as Error).message });
}

/** Was something refused? */
export const isRefusal = (notice: Notice | null): boolean => notice?.kind === 'refused' || notice?.kind === 'gone';

/** A notice of a kind; what is not given is nothing. */
export function noticeOf(kind: Notice['kind'], more: Partial<Notice>): Notice {
  return { kind, fromMs: 0, toMs: null, beforeMs: null, afterMs: null, text: '', ...more };
}
