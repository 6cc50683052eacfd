/** All pictures on one clock: it goes on when all of them can, and tells the rest of the page what it shows. */

import { batch, signal } from '@preact/signals';
import { camera } from '../cameras';
import { nowMs } from '../instants';
import * as moment from '../moment';
import { Channel } from './channel';
import { Clock } from './clock';
import { findNearest, Library } from './library';
import { jumpsGaps, MOST_VIDEO_RATE } from './settings';

const TICK_MS = 50;
/** So long one camera may hold up the others. */
const HOLD_MS = 4000;
/** The pictures begin to move so long after they are told to; then the clock does. */
const START_LAG_MS = 40;
const LOOK_AHEAD_MS = 60_000;
/** Nearer than this to what is being recorded, faster than life is not possible. */
const LIVE_EDGE_MS = 500;
/** Live pictures that have come to lag so much more than they need catch up by a jump. */
const LIVE_SLACK_MS = 12_000;
/** From the last footage so much is shown. */
const LAST_MS = 5000;
const SHOW_EVERY_MS = 100;

/** What is said of what just happened; `offers` are moments to go to. */
export interface Notice {
  readonly kind: 'jumped' | 'nothing' | 'end' | 'refused' | 'cutOff';
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly beforeMs: number | null;
  readonly afterMs: number | null;
  readonly text: string;
}

export class Conductor implements moment.PlayerCommands {
  readonly channels = signal<readonly Channel[]>([]);
  readonly notice = signal<Notice | null>(null);
  /** Is the clock held though it is to go? */
  readonly isWaiting = signal(false);
  /** The camera whose frames are stepped through and whose sound is heard. */
  readonly leader = signal<number | null>(null);
  private readonly clock = new Clock(() => performance.now());
  private readonly library = new Library({
    isWanted: (id) => camera(id)?.isWanted ?? false,
    isRecording: (id) => camera(id)?.isRecording ?? false,
  });
  private readonly timer: number;
  private isEnded = false;
  private isOpened = false;
  private heldMs: number | null = null;
  private shownAtMs = 0;
  private steps = 0;
  private opening = 0;

  constructor() {
    this.timer = window.setInterval(() => this.tick(), TICK_MS);
  }

  /** What the clock shows, ms since the epoch. */
  get ms(): number {
    return this.clock.ms;
  }

  /** When a camera has footage again after the clock, as far as it is known. */
  footageAfter(id: number): number | null {
    return this.library.shelf(id).spanAfter(this.clock.ms)?.startMs ?? null;
  }

  /** To the first footage of these cameras, or the last. */
  async goToEdge(isLast: boolean): Promise<void> {
    if (isLast && this.ids.some((id) => camera(id)?.isRecording)) return this.goLive();
    const nearest = await findNearest(this.ids, isLast ? nowMs() : 0);
    const ms = isLast ? nearest?.beforeMs : nearest?.afterMs;
    if (typeof ms === 'number') this.goTo(isLast ? ms - LAST_MS : ms);
  }

  /** Show these cameras. */
  choose(ids: readonly number[]): void {
    const before = this.channels.peek();
    for (const one of before) if (!ids.includes(one.id)) one.close();
    this.library.only(ids);
    this.channels.value = ids.map((id) => before.find((one) => one.id === id) ?? new Channel(id, this.library));
    const leader = this.leader.peek();
    if (leader === null || !ids.includes(leader)) this.leader.value = ids[0] ?? null;
    if (moment.isLive.peek()) this.goLive();
  }

  goTo(ms: number): void {
    this.opening += 1;
    this.isOpened = true;
    moment.isLive.value = false;
    this.library.goTo();
    this.notice.value = null;
    this.moveTo(Math.min(ms, nowMs()));
  }

  goLive(): void {
    this.opening += 1;
    const turn = this.opening;
    this.notice.value = null;
    this.library.goTo();
    moment.isPlaying.value = true;
    moment.rate.value = 1;
    moment.isLive.value = true;
    this.isWaiting.value = true;
    if (this.isOpened) this.clock.hold();
    void this.openLive(turn);
  }

  play(): void {
    moment.isPlaying.value = true;
    this.steps = 0;
  }

  pause(): void {
    this.clock.hold();
    batch(() => {
      moment.isPlaying.value = false;
      moment.isLive.value = false;
      this.isWaiting.value = false;
    });
    this.heldMs = null;
  }

  toggle(): void {
    if (moment.isPlaying.peek()) this.pause();
    else this.play();
  }

  step(frames: number): void {
    if (moment.isPlaying.peek()) this.pause();
    this.steps += frames;
  }

  setRate(rate: number): void {
    moment.rate.value = rate;
    if (rate !== 1) moment.isLive.value = false;
    if (this.clock.isRunning) this.clock.run(rate);
  }

  /** Go some time on, or back where it is negative. */
  shift(ms: number): void {
    if (this.isOpened) this.goTo(this.clock.ms + ms);
  }

  /** Try again where something was refused. */
  retry(): void {
    this.library.goTo();
    for (const one of this.channels.peek()) one.retry();
    this.notice.value = null;
  }

  close(): void {
    this.isEnded = true;
    this.opening += 1;
    clearInterval(this.timer);
    this.library.close();
    for (const one of this.channels.peek()) one.close();
    batch(() => {
      moment.clockMs.value = null;
      moment.isPlaying.value = false;
      moment.isLive.value = false;
    });
  }

  private get ids(): number[] {
    return this.channels.peek().map((one) => one.id);
  }

  private moveTo(ms: number): void {
    this.clock.set(ms, 0);
    this.heldMs = null;
    this.steps = 0;
    for (const one of this.channels.peek()) one.isExcused = false;
    this.tick();
  }

  /** Wait for a first live picture; where nothing is being recorded show the newest there is. */
  private async openLive(turn: number): Promise<void> {
    const isCurrent = () => turn === this.opening && !this.isEnded;
    while (isCurrent()) {
      try {
        await this.library.openLive(this.ids);
      } catch (error) {
        if (isCurrent()) this.refuse(error);
        return;
      }
      if (!isCurrent()) return;
      const ms = this.library.liveMs(this.ids);
      if (ms !== null) {
        this.isOpened = true;
        return this.moveTo(ms);
      }
      if (!this.ids.some((id) => camera(id)?.isWanted)) return this.showNewest();
      await new Promise((done) => setTimeout(done, 500));
    }
  }

  private showNewest(): void {
    moment.isLive.value = false;
    this.isOpened = true;
    this.moveTo(nowMs() - 1000);
  }

  private refuse(error: unknown): void {
    this.notice.value = noticeOf('refused', { fromMs: this.clock.ms, text: (error as Error).message });
  }

  private tick(): void {
    if (this.isEnded || !this.isOpened) return;
    const [isPlaying, rate, channels] = [moment.isPlaying.peek(), moment.rate.peek(), this.channels.peek()];
    const ms = this.clock.ms;
    const isScanning = isPlaying && this.isScanning(rate);
    this.library.keep(this.ids, ms, LOOK_AHEAD_MS * Math.max(1, Math.abs(rate) / 4));
    if (isPlaying) this.conduct(ms, rate, isScanning);
    else this.walk(ms);
    const now = this.clock.ms;
    for (const one of channels) one.follow(now, this.clock.rate, isScanning, !isPlaying);
    this.tell(now);
  }

  /** Are single pictures shown, since no video goes so fast, or backwards? */
  private isScanning(rate: number): boolean {
    return rate < 0 || rate > MOST_VIDEO_RATE || (rate > 2 && this.channels.peek().length > 4);
  }

  /** Let the clock go on where all can follow, hold it where one cannot. */
  private conduct(ms: number, rate: number, isScanning: boolean): void {
    if (this.leap(ms, rate)) return;
    this.keepLive(ms, rate);
    const late = this.lateOnes(ms, isScanning);
    const blocking = late.filter((one) => !one.isExcused);
    const mayRun = blocking.length === 0 && (late.length === 0 || this.isAnyShown(late, ms));
    if (mayRun) {
      this.heldMs = null;
      if (!this.clock.isRunning) this.clock.run(rate, isScanning ? 0 : START_LAG_MS);
    } else this.hold(blocking, late, ms);
    this.isWaiting.value = this.heldMs !== null && performance.now() - this.heldMs > 300;
  }

  private lateOnes(ms: number, isScanning: boolean): Channel[] {
    const { isRunning } = this.clock;
    const isLate = (one: Channel) => (isScanning ? one.status(ms) === 'unknown' : one.isLate(ms, isRunning));
    const late = this.channels.peek().filter(isLate);
    for (const one of this.channels.peek()) if (!late.includes(one)) one.isExcused = false;
    return late;
  }

  /** Hold the clock; who was waited for too long is waited for no more, where others have something to show. */
  private hold(blocking: readonly Channel[], late: readonly Channel[], ms: number): void {
    if (this.clock.isRunning) this.clock.hold();
    this.heldMs ??= performance.now();
    if (performance.now() - this.heldMs < HOLD_MS || !this.isAnyShown(late, ms)) return;
    for (const one of blocking) one.isExcused = true;
  }

  private isAnyShown(late: readonly Channel[], ms: number): boolean {
    return this.channels.peek().some((one) => !late.includes(one) && one.status(ms) === 'footage');
  }

  /** Where no camera has anything, go to what comes next, or stop at the end. True: the clock was moved or stopped. */
  private leap(ms: number, rate: number): boolean {
    const channels = this.channels.peek();
    if (channels.length === 0 || !channels.every((one) => one.status(ms) === 'gap')) return false;
    const next = this.nextMs(ms, rate < 0);
    if (next === null) {
      const isAtNow = rate > 0 && ms > nowMs() - 5000;
      if (this.library.nearest === null && !isAtNow) return false; // more is being looked for
      if (rate > 0 && this.ids.some((id) => camera(id)?.isWanted)) return false; // more will come
      this.pause();
      this.notice.value = noticeOf('end', { fromMs: ms, beforeMs: this.beforeMs(ms) });
      return true;
    }
    if (!jumpsGaps.peek() || Math.abs(next - ms) < 1000) return false;
    this.notice.value = noticeOf('jumped', { fromMs: ms, toMs: next });
    const isLive = moment.isLive.peek();
    this.moveTo(next);
    moment.isLive.value = isLive;
    return true;
  }

  private nextMs(ms: number, isBackward: boolean): number | null {
    const { nearest } = this.library;
    const found = this.ids.flatMap((id) => {
      const shelf = this.library.shelf(id);
      const span = isBackward ? shelf.spanBefore(ms) : shelf.spanAfter(ms);
      return span ? [isBackward ? span.endMs - 1000 : span.startMs] : [];
    });
    const far = isBackward ? nearest?.beforeMs : nearest?.afterMs;
    if (found.length === 0 && typeof far === 'number' && (isBackward ? far <= ms : far > ms))
      found.push(isBackward ? far - 1000 : far);
    if (found.length === 0) return null;
    return isBackward ? Math.max(...found) : Math.min(...found);
  }

  private beforeMs(ms: number): number | null {
    return this.nextMs(ms, true);
  }

  /** At the edge of what is being recorded faster becomes live; live that lags too much catches up. */
  private keepLive(ms: number, rate: number): void {
    const edge = this.library.liveMs(this.ids);
    if (edge === null) return;
    if (!moment.isLive.peek() && rate >= 1 && ms > edge - LIVE_EDGE_MS && this.clock.isRunning) {
      moment.rate.value = 1;
      moment.isLive.value = true;
      this.clock.run(1);
    } else if (moment.isLive.peek() && edge - ms > LIVE_SLACK_MS) this.moveTo(edge);
  }

  /** While paused: carry out the steps that were asked for, and offer ways out of a stretch without footage. */
  private walk(ms: number): void {
    if (this.clock.isRunning) this.clock.hold();
    const channels = this.channels.peek();
    const leader = channels.find((one) => one.id === this.leader.peek()) ?? channels[0];
    if (!leader) return;
    if (this.steps !== 0 && !leader.video.seeking) this.takeStep(leader, ms);
    const isEmpty = channels.every((one) => one.status(ms) === 'gap');
    const said = this.notice.peek()?.kind;
    if (isEmpty && said === undefined) {
      const [beforeMs, afterMs] = [this.nextMs(ms, true), this.nextMs(ms, false)];
      if (beforeMs !== null || afterMs !== null || this.library.nearest) {
        this.notice.value = noticeOf('nothing', { fromMs: ms, beforeMs, afterMs });
      }
    } else if (!isEmpty && said === 'nothing') this.notice.value = null;
  }

  private takeStep(leader: Channel, ms: number): void {
    const by = Math.sign(this.steps);
    const to = leader.frameFrom(ms, by);
    if (to === null) {
      this.stepOver(leader, ms, by);
      return;
    }
    this.steps -= by;
    this.clock.set(to, 0);
  }

  /** Where the next frame is not loaded: over a gap to where footage goes on; else it is waited for. */
  private stepOver(leader: Channel, ms: number, by: number): void {
    const shelf = this.library.shelf(leader.id);
    const span = shelf.spanAt(ms);
    const isAtEdge = !span || (by > 0 ? span.endMs - ms < 1500 : ms - span.startMs < 1500);
    const next = by > 0 ? shelf.spanAfter(ms) : shelf.spanBefore(ms);
    if (!isAtEdge || (leader.isLoaded(ms) && leader.frameAt(ms) === null)) return;
    if (!next || !shelf.isKnown(ms)) return;
    this.steps -= by;
    this.clock.set(by > 0 ? next.startMs : next.endMs - 1, 0);
  }

  private tell(ms: number): void {
    const now = performance.now();
    const isPlaying = moment.isPlaying.peek();
    if (isPlaying && now - this.shownAtMs < SHOW_EVERY_MS) return;
    this.shownAtMs = now;
    moment.clockMs.value = Math.round(ms);
    if (this.library.error && this.notice.peek()?.kind !== 'refused') this.refuse(this.library.error);
    else if (this.library.isCutOff && this.notice.peek() === null)
      this.notice.value = noticeOf('cutOff', { fromMs: ms });
    else if (!this.library.isCutOff && this.notice.peek()?.kind === 'cutOff') this.notice.value = null;
  }
}

function noticeOf(kind: Notice['kind'], more: Partial<Notice>): Notice {
  return { kind, fromMs: 0, toMs: null, beforeMs: null, afterMs: null, text: '', ...more };
}
