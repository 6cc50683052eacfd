/** What a feed gives a picture: media on the wall clock. Two kinds: feeder.ts (Media Source Extensions), films.ts (MP4). */

import type { FrameTimes } from './frametimes';
import type { Interval } from './intervals';

/** Why a camera cannot be shown. */
export interface Trouble {
  readonly kind: 'codec' | 'decoding' | 'refused';
  /** The codecs by name, or what was said. */
  readonly detail: string;
}

export interface Feed {
  /** The wall time (ms) of media time 0. */
  readonly baseMs: number;
  /** What can be shown without waiting. */
  readonly stretches: readonly Interval[];
  readonly frames: FrameTimes;
  /** Null while all is well. */
  readonly trouble: Trouble | null;
  /** Is there sound in what is shown? */
  readonly hasSound: boolean;
  /** Say what is shown, and how far ahead media is wanted: again and again. */
  want(ms: number, aheadMs: number): void;
  /** Is its sound wanted? */
  hear(isHeard: boolean): void;
  /** A frame that begins then is being shown. */
  see(ms: number): void;
  /** Give the video back. */
  close(): void;
}
