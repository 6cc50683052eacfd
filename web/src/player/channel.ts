/** One camera's picture: a video that follows the clock, or pictures where no video can. */

import { signal } from '@preact/signals';
import { correct, Median, MOST, MOST_SILENT } from './drift';
import { canKeep, Easel } from './easel';
import type { Feed, Trouble } from './feed';
import { canFeed, Feeder } from './feeder';
import { Films } from './films';
import { USUAL_FRAME_MS } from './frametimes';
import type { Interval } from './intervals';
import type { Library, Status } from './library';
import { aheadOf, showable } from './ranges';
import { Scanner } from './scanner';
import type { Stage } from './stage';

/** What a picture is up to. */
export type Condition = 'showing' | 'loading' | 'gap' | 'slow' | 'pictures' | 'failed';

/** How far ahead media is fetched, ms of footage. */
const AHEAD_MS = 20_000;
/** So much must be there before all begin to play. */
const START_MS = 700;
/** At the very end of footage sound and picture do not end together. */
const TAIL_MS = 400;
/** With less than this ahead a picture is about to stop. */
const LOW_MS = 60;
/**
 * A seek lands so far behind the asked instant: within the frame that begins there, not at its edge. Instants are held
 * in whole milliseconds and most frames begin at such: half of one more keeps every seek away from an edge.
 */
const WITHIN_FRAME_MS = 1.5;
/** After a seek the picture is given so long before it is judged again. */
const GRACE_MS = 700;
/** A picture that was paused moves so long after it is told to play, ms: measured and kept up to date. */
const FIRST_LAG_MS = 30;
/** While all wait for one, a picture that is off by less than this is left alone. */
const HELD_SLACK_MS = 120;
/** While a seek is under way, a frame that is further from the clock is not what is asked for. */
const FAR_MS = 1500;
const PICTURE_EVERY_MS = 250;

export class Channel {
  readonly id: number;
  readonly video: HTMLVideoElement;
  readonly scanner: Scanner;
  readonly easel = new Easel();
  /** The exact wall time of the frame that is shown; null: none is. */
  readonly shownMs = signal<number | null>(null);
  readonly condition = signal<Condition>('loading');
  readonly trouble = signal<Trouble | null>(null);
  readonly hasSound = signal(false);
  /** Are single pictures shown instead of the video? */
  readonly isScanning = signal(false);
  /** It holds nobody back for now: it was waited for long enough. */
  isExcused = false;
  /** The others go on without it, since its frames come too late. */
  isBehind = false;
  private readonly library: Library;
  private readonly stage: Stage;
  private feed: Feed | null = null;
  private readonly ahead = new Median(3);
  private notBeforeMs = 0;
  /** What it was told to play at, and what it plays at now to come back into step. */
  private rate = 1;
  private speed = 1;
  private stalledMs: number | null = null;
  private isEnded = false;

  constructor(id: number, library: Library, stage: Stage) {
    this.id = id;
    this.library = library;
    this.stage = stage;
    this.video = document.createElement('video');
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.preservesPitch = true;
    this.scanner = new Scanner(id, (ms) => {
      this.shownMs.value = ms;
    });
    this.watchFrames();
  }

  /** What there is of the camera at an instant. */
  status(ms: number): Status {
    return this.library.status(this.id, ms);
  }

  /** Must pictures do, since the browser cannot play what was recorded? */
  get isUnplayable(): boolean {
    return this.feed?.trouble?.kind === 'codec' || this.feed?.trouble?.kind === 'decoding';
  }

  /** The frame `count` frames from the one shown at an instant, null: not loaded, or there is none. */
  frameFrom(ms: number, count: number): number | null {
    return this.feed?.frames.stepFrom(ms + WITHIN_FRAME_MS, count) ?? null;
  }

  /** When the frame began that is shown at an instant. */
  frameAt(ms: number): number | null {
    return this.feed?.frames.at(ms + WITHIN_FRAME_MS) ?? null;
  }

  /** Is all of the next stretch loaded up to an instant? */
  isLoaded(ms: number): boolean {
    return aheadOf(this.feed?.stretches ?? [], ms) > 0;
  }

  /** Is anything loaded between two instants? */
  isLoadedWithin(startMs: number, endMs: number): boolean {
    return (this.feed?.stretches ?? []).some((one) => one.startMs < endMs && startMs < one.endMs);
  }

  /** Would it stand still if the clock went on at `rate` from `ms`? A camera without footage then holds nobody back. */
  isLate(ms: number, isRunning: boolean): boolean {
    const status = this.status(ms);
    if (status !== 'footage') return status === 'unknown';
    const span = this.library.shelf(this.id).spanAt(ms);
    if (this.isUnplayable || span === null) return false;
    if (span.endMs - ms < TAIL_MS && !this.isGoingOn(span.endMs)) return false;
    const there = aheadOf(this.feed?.stretches ?? [], ms);
    const needed = isRunning ? LOW_MS : Math.min(START_MS, span.endMs - ms - TAIL_MS);
    if (there < needed) return true;
    return isRunning ? this.isStalled() : this.video.seeking || this.video.readyState < 3;
  }

  /** Follow the clock: `rate` is 0 while it is held; `isPaused` says that it is meant to stand, and exactly there. */
  follow(ms: number, rate: number, isScanning: boolean, isPaused: boolean): void {
    if (this.isEnded) return;
    const status = this.status(ms);
    const span = this.library.shelf(this.id).spanAt(ms);
    const next = span ?? this.library.shelf(this.id).spanAfter(ms);
    this.feedFor(next && next.startMs - ms < AHEAD_MS ? Math.max(ms, next.startMs) : ms, Math.abs(rate), isScanning);
    if (isScanning || (this.isUnplayable && status === 'footage')) this.scan(ms, rate, span);
    else if (span) this.chase(ms, rate, isPaused);
    else this.rest(ms, rate, next?.startMs ?? null);
    this.tell(ms, status, isScanning);
  }

  /** How far the picture is before the clock, ms of footage; null: it shows nothing that could be compared. */
  aheadMs(ms: number): number | null {
    const { video } = this;
    if (!this.feed || video.readyState < 2 || video.seeking || video.paused) return null;
    return this.feed.baseMs + this.video.currentTime * 1000 - ms;
  }

  /** Is its video to be seen, at the same instant as those of the others? */
  isMoving(ms: number): boolean {
    const isOfVideo = this.isVideo && this.easel.goesOn;
    return isOfVideo && (this.status(ms) === 'footage' || this.condition.peek() === 'showing');
  }

  /** Has its video come from elsewhere, or out of a gap, and is not yet seen? */
  isArriving(ms: number): boolean {
    return this.isVideo && this.isAway && this.easel.frames.length > 0 && this.status(ms) === 'footage';
  }

  /** Is it so late that the others go on without it? It is said at once: what is seen then is not of one instant. */
  setBehind(isBehind: boolean): void {
    this.isBehind = isBehind;
    if (isBehind) this.condition.value = 'slow';
  }

  /** Show one of the frames that have come, by default the last one. */
  paint(at?: number): void {
    const { easel } = this;
    const beforeMs = easel.shownMs;
    easel.show(at);
    const isTold = this.condition.peek() !== 'gap' && this.scanner.shownMs === null;
    const isNew = easel.shownMs !== beforeMs || (this.shownMs.peek() === null && easel.isCovering);
    if (isTold && isNew) this.shownMs.value = easel.shownMs;
  }

  /** Show a frame that is of one instant with those of the others: from now on it is seen. */
  join(at: number): void {
    if (this.isAway && this.condition.peek() !== 'slow') this.condition.value = 'showing';
    this.paint(at);
  }

  close(): void {
    this.isEnded = true;
    this.easel.clear();
    this.scanner.close();
    this.feed?.close();
    this.feed = null;
    this.video.remove();
  }

  /** Try again after it failed. */
  retry(): void {
    this.feed?.close();
    this.feed = null;
  }

  private get isVideo(): boolean {
    return this.scanner.shownMs === null && !this.isExcused;
  }

  /** Is what is seen, while the others move, not what it is at now? */
  private get isAway(): boolean {
    return canKeep && this.stage.isMoving && !this.easel.goesOn;
  }

  private feedFor(ms: number, rate: number, isScanning: boolean): void {
    const shelf = this.library.shelf(this.id);
    const aheadMs = isScanning ? 0 : AHEAD_MS * Math.max(1, Math.min(2, rate));
    this.feed ??= canFeed ? new Feeder(this.video, shelf, ms, aheadMs) : new Films(this.video, this.id, shelf, ms);
    this.feed.hear(!this.video.muted);
    if (!isScanning) this.feed.want(ms, aheadMs);
  }

  /** Show footage at the clock. */
  private chase(ms: number, rate: number, isPaused: boolean): void {
    this.scanner.close();
    const { video, feed } = this;
    if (!feed) return;
    const target = showable(feed.stretches, ms);
    this.bringBack(target);
    if (rate === 0) {
      if (!video.paused) video.pause();
      if (target !== null) this.place(target, isPaused ? 0.5 : HELD_SLACK_MS);
      return;
    }
    if (target === null) return;
    if (video.paused) {
      const isAtSeam = target > ms + 30; // a few frames there cannot be shown
      this.place(target, isAtSeam ? 1 : HELD_SLACK_MS);
      if (!isAtSeam) this.start(rate);
      return;
    }
    this.steer(ms, rate, target);
  }

  private start(rate: number): void {
    this.rate = rate;
    this.setSpeed(rate);
    this.ahead.clear();
    if (this.easel.goesOn) this.easel.cover(true);
    this.video.play().catch(() => {}); // another seek or pause came between; the next look tries again
  }

  private steer(ms: number, rate: number, target: number): void {
    if (rate !== this.rate) this.start(rate);
    if (performance.now() < this.notBeforeMs) return;
    const ahead = this.aheadMs(ms);
    if (ahead === null) return;
    this.ahead.add(ahead / 1000);
    if (!this.ahead.isFull) return;
    const done = correct(this.ahead.value, rate, this.speed, this.video.muted ? MOST_SILENT : MOST);
    if (done.kind === 'seek') {
      this.seek(Math.max(target, ms));
    } else if (done.rate !== this.speed) {
      this.setSpeed(done.rate);
      this.ahead.clear();
    }
  }

  /** Stand at a moment, if it is not the one shown within `slackMs`. */
  private place(ms: number, slackMs = 0.5): void {
    const { video, feed } = this;
    if (!feed || video.seeking) return;
    const offMs = feed.baseMs + video.currentTime * 1000 - ms - WITHIN_FRAME_MS;
    if (Math.abs(offMs) <= slackMs) return;
    this.paint();
    this.easel.leap();
    this.seek(ms);
  }

  private seek(ms: number): void {
    if (!this.feed) return;
    this.video.currentTime = (ms + WITHIN_FRAME_MS - this.feed.baseMs) / 1000;
    this.notBeforeMs = performance.now() + GRACE_MS / 2;
    this.ahead.clear();
  }

  /** Seek anew where it seeks what is not loaded, and never will be: the clock went on while the service was away. */
  private bringBack(target: number | null): void {
    const { video, feed } = this;
    if (!feed || target === null || !video.seeking || performance.now() < this.notBeforeMs) return;
    if (showable(feed.stretches, feed.baseMs + video.currentTime * 1000) === null) this.seek(target);
  }

  /** Without footage at the clock: stand at the first frame of what comes, and begin just in time. */
  private rest(ms: number, rate: number, nextMs: number | null): void {
    this.scanner.close();
    const { video, feed } = this;
    if (!feed || nextMs === null || nextMs - ms > AHEAD_MS) {
      if (!video.paused) video.pause();
      return;
    }
    const from = showable(feed.stretches, nextMs);
    const isAtEnd = feed.stretches.some((one) => one.startMs <= nextMs && nextMs < one.endMs);
    if (!isAtEnd || from === null) {
      video.pause();
      return;
    }
    const isThere = Math.abs(feed.baseMs + video.currentTime * 1000 - from) < 120;
    if (!isThere) {
      video.pause();
      this.place(from);
    } else if (rate > 0 && video.paused && !video.seeking && nextMs - ms <= FIRST_LAG_MS * rate) this.start(rate);
  }

  private scan(ms: number, rate: number, span: Interval | null): void {
    if (!this.video.paused) this.video.pause();
    if (span) this.scanner.show(ms, rate, span, PICTURE_EVERY_MS);
  }

  private setSpeed(speed: number): void {
    this.speed = speed;
    this.video.playbackRate = speed;
    this.video.defaultPlaybackRate = speed;
  }

  private isStalled(): boolean {
    const isStarved = this.video.readyState < 3 && !this.video.paused;
    if (!isStarved) this.stalledMs = null;
    else this.stalledMs ??= performance.now();
    return this.stalledMs !== null && performance.now() - this.stalledMs > 250;
  }

  /** Does the camera go on recording at the end of what there is? */
  private isGoingOn(endMs: number): boolean {
    const known = this.library.shelf(this.id).known;
    return known !== null && Math.abs(known.endMs - endMs) < TAIL_MS && this.library.grows(this.id);
  }

  private tell(ms: number, status: Status, isScanning: boolean): void {
    const trouble = this.feed?.trouble ?? null;
    if (this.trouble.peek() !== trouble) this.trouble.value = trouble;
    this.hasSound.value = this.feed?.hasSound ?? false;
    this.isScanning.value = this.scanner.shownMs !== null;
    this.condition.value = this.conditionAt(ms, status, isScanning);
    if (status === 'gap' && this.shownMs.peek() !== null) this.shownMs.value = null;
    if (status === 'footage') this.tellStanding();
  }

  /** Let the clock be that of the frame at which the video stands: after single pictures no frame may come that says so. */
  private tellStanding(): void {
    const { feed, video } = this;
    if (!feed || !video.paused || video.seeking || video.readyState < 2) return;
    if (this.scanner.shownMs !== null || this.easel.isCovering) return;
    const ms = feed.frames.at(feed.baseMs + video.currentTime * 1000);
    if (ms !== null && Math.abs(ms - (this.shownMs.peek() ?? 0)) > 1) this.shownMs.value = ms;
  }

  private conditionAt(ms: number, status: Status, isScanning: boolean): Condition {
    if (status === 'gap') return 'gap';
    if (this.feed?.trouble?.kind === 'refused') return 'failed';
    if (this.isExcused || this.isBehind) return 'slow';
    if (this.isUnplayable) return 'pictures';
    if (isScanning) return this.scanner.shownMs === null ? 'loading' : 'showing';
    const { video } = this;
    if (status !== 'footage' || video.readyState < 2) return 'loading';
    const isFar = video.seeking && Math.abs((this.shownMs.peek() ?? 0) - ms) > FAR_MS;
    if (!isFar && !this.isAway) return 'showing';
    return this.condition.peek() === 'gap' ? 'gap' : 'loading';
  }

  /** Note the wall time of each frame as it is shown. */
  private watchFrames(): void {
    const { video } = this;
    const show = (mediaS: number) => {
      const { feed } = this;
      if (!feed || this.isEnded) return;
      if (canKeep && this.stage.isOn) this.keepFrame(feed);
      else this.easel.clear();
      if (this.condition.peek() === 'gap' || this.scanner.shownMs !== null) return;
      const ms = feed.baseMs + mediaS * 1000;
      feed.see(ms);
      if (!this.easel.isCovering) this.shownMs.value = ms; // the video itself is seen
    };
    const onFrame = (_: number, frame: VideoFrameCallbackMetadata) => {
      if (!this.isEnded) video.requestVideoFrameCallback(onFrame);
      show(frame.mediaTime);
    };
    if ('requestVideoFrameCallback' in HTMLVideoElement.prototype) video.requestVideoFrameCallback(onFrame);
    else video.addEventListener('timeupdate', () => show(video.currentTime));
  }

  private keepFrame(feed: Feed): void {
    if (this.video.readyState < 2) return; // it goes elsewhere already
    const picture = new VideoFrame(this.video);
    const ms = feed.baseMs + picture.timestamp / 1000;
    const nextMs = feed.frames.stepFrom(ms + 0.5, 1) ?? ms + USUAL_FRAME_MS;
    const { endMs } = this.library.shelf(this.id).spanAt(ms + 0.5) ?? { endMs: nextMs };
    this.easel.take(picture, ms, Math.min(nextMs, Math.max(endMs, ms + 1)));
    this.stage.ask();
  }
}
