/** Which speed comes next. */

const FASTEST = 32;

/** L: on, at 1×; again: twice as fast. J: the same backwards (direction -1). */
export function shuttled(rate: number, isPlaying: boolean, direction: 1 | -1): number {
  const isSame = isPlaying && Math.sign(rate) === direction && Math.abs(rate) >= 1;
  return direction * (isSame ? Math.min(FASTEST, Math.abs(rate) * 2) : 1);
}
