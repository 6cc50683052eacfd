/** One camera's frames on their way to the screen: they are kept until all cameras have theirs, and painted then. */

import type { Interval } from './intervals';

/** More than so many frames are never kept: decoders have few to give away. */
const MOST_KEPT = 8;
/** Frames of one camera that begin so near to each other are one that came twice. */
const SAME_FRAME_MS = 0.5;

/** Wall time of a frame, and its picture until it is seen. */
interface Kept extends Interval {
  picture: VideoFrame | null;
}

/** Can frames be taken out of a video and be kept? */
export const canKeep = 'VideoFrame' in globalThis && 'requestVideoFrameCallback' in HTMLVideoElement.prototype;

export class Easel {
  readonly canvas = document.createElement('canvas');
  /** When the frame began that is seen, null: none is. */
  shownMs: number | null = null;
  private kept: Kept[] = [];

  constructor() {
    this.canvas.className = 'player-easel';
  }

  /** The frame that is seen, and those that came since. */
  get frames(): readonly Interval[] {
    return this.kept;
  }

  /** Is a frame seen that those which came since go on from? */
  get goesOn(): boolean {
    return this.kept[0]?.picture === null;
  }

  /** Take the frame of a video that it shows now. */
  take(picture: VideoFrame, startMs: number, endMs: number): void {
    const last = this.kept.at(-1);
    if (last && Math.abs(startMs - last.startMs) < SAME_FRAME_MS) {
      picture.close(); // the same again: it was told of only after it was taken
      return;
    }
    const isOn = last !== undefined && startMs > last.startMs;
    if (!isOn) this.leap();
    this.kept.push({ startMs, endMs, picture });
    if (this.kept.length > MOST_KEPT) this.drop(1, 1); // what is seen stays the first
  }

  /** Show a frame of those there are, by default the last one. */
  show(at = this.kept.length - 1): void {
    const frame = this.kept[at];
    if (!frame?.picture) return;
    this.paint(frame.picture);
    this.shownMs = frame.startMs;
    this.cover(true);
    frame.picture.close();
    frame.picture = null;
    this.drop(at);
  }

  /** What comes next does not go on from what is seen. */
  leap(): void {
    this.drop(this.kept.length);
  }

  /** Take the picture away. */
  clear(): void {
    this.leap();
    this.shownMs = null;
    this.cover(false);
  }

  /** Does its picture lie over the video? */
  get isCovering(): boolean {
    return this.canvas.classList.contains('is-seen');
  }

  /** Have the picture lie over the video, or not. */
  cover(isCovering: boolean): void {
    this.canvas.classList.toggle('is-seen', isCovering && this.shownMs !== null);
  }

  private drop(count: number, from = 0): void {
    for (const one of this.kept.splice(from, count)) one.picture?.close();
  }

  private paint(picture: VideoFrame): void {
    const { canvas } = this;
    const share = this.shareOf(picture);
    const [width, height] = [Math.round(picture.displayWidth * share), Math.round(picture.displayHeight * share)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.getContext('2d', { alpha: false })?.drawImage(picture, 0, 0, width, height);
  }

  /** How large the picture is seen: no more of it is painted. */
  private shareOf(picture: VideoFrame): number {
    const { clientWidth, clientHeight } = this.canvas;
    const share = Math.min(clientWidth / picture.displayWidth, clientHeight / picture.displayHeight) * devicePixelRatio;
    return share > 0 ? Math.min(1, share) : 1;
  }
}
