/** What is said of all pictures together. */

/** What is said of what just happened; `offers` are moments to go to. */
export interface Notice {
  readonly kind: 'jumped' | 'nothing' | 'end' | 'begin' | 'refused' | 'cutOff';
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly beforeMs: number | null;
  readonly afterMs: number | null;
  readonly text: string;
}

/** A notice of a kind; what is not given is nothing. */
export function noticeOf(kind: Notice['kind'], more: Partial<Notice>): Notice {
  return { kind, fromMs: 0, toMs: null, beforeMs: null, afterMs: null, text: '', ...more };
}
