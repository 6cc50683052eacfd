/** All pictures on one clock: it goes on when all of them can, and tells the rest of the page what it shows. */

import { batch, signal } from '@preact/signals';
import { camera } from '../cameras';
import { nowMs } from '../instants';
import * as moment from '../moment';
import { findEdges } from '../nearest';
import { Channel } from './channel';
import { Clock } from './clock';
import { Library } from './library';
import { isRefusal, type Notice, noticeOf, refusalOf } from './notice';
import { jumpsGaps, MOST_VIDEO_RATE } from './settings';
import { Stage } from './stage';
import { stepTarget } from './stepping';
import { Surroundings } from './surroundings';
import { START_LAG_MS, Waiting } from './waiting';

const TICK_MS = 50;
const LOOK_AHEAD_MS = 60_000;
/** Nearer than this to what is being recorded, faster than life is not possible. */
const LIVE_EDGE_MS = 500;
/** Live pictures that have come to lag so much more than they need catch up by a jump. */
const LIVE_SLACK_MS = 12_000;
const LAST_MS = 5000; // from the last footage so much is shown
const FIRST_PICTURE_MS = 15_000; // so long a first live picture is waited for
const NOTICE_MS = 8000;
const SHOW_EVERY_MS = 100;

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
  private readonly surroundings = new Surroundings(() => this.ids, this.library);
  private readonly waiting = new Waiting(() => this.channels.peek(), this.clock);
  private readonly stage = new Stage(() => this.channels.peek(), this.clock);
  private readonly timer: number;
  private isEnded = false;
  private isOpened = false;
  /** Is a first live picture waited for? What was shown stands still until then. */
  private isOpeningLive = false;
  private shownAtMs = 0;
  private steps = 0;
  private opening = 0;
  /** What was asked for before there was a camera. */
  private pending: (() => void) | null = null;

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
    if (moment.rate.peek() < 0) this.setRate(1);
    const edges = await findEdges(this.ids).catch((error) => this.refuse(error));
    if (edges) this.goTo(isLast ? edges.lastMs - LAST_MS : edges.firstMs);
  }

  /** Show these cameras. */
  choose(ids: readonly number[]): void {
    const before = this.channels.peek();
    if (this.isEnded || (ids.join() === this.ids.join() && ids.length > 0)) return;
    for (const one of before) if (!ids.includes(one.id)) one.close();
    this.library.only(ids);
    this.channels.value = ids.map(
      (id) => before.find((one) => one.id === id) ?? new Channel(id, this.library, this.stage),
    );
    const leader = this.leader.peek();
    if (leader === null || !ids.includes(leader)) this.leader.value = ids[0] ?? null;
    if (ids.length === 0) return;
    const { pending } = this;
    this.pending = null;
    if (pending) pending();
    else if (moment.isLive.peek()) this.goLive();
  }

  goTo(ms: number): void {
    this.pending = this.ids.length ? null : () => this.goTo(ms);
    if (this.pending) return;
    this.leaveLive();
    this.isOpened = true;
    moment.isLive.value = false;
    this.library.goTo();
    this.notice.value = null;
    this.moveTo(Math.min(ms, nowMs()));
  }

  goLive(): void {
    this.pending = this.ids.length ? null : () => this.goLive();
    if (this.pending) return;
    this.opening += 1;
    const turn = this.opening;
    this.notice.value = null;
    this.library.goTo();
    moment.isPlaying.value = true;
    moment.rate.value = 1;
    moment.isLive.value = true;
    this.isWaiting.value = true;
    this.isOpeningLive = true;
    this.tick();
    void this.openLive(turn);
  }

  play(): void {
    moment.isPlaying.value = true;
    this.steps = 0;
  }

  pause(): void {
    if (this.isOpeningLive) this.leaveLive();
    this.clock.set(Math.round(this.clock.ms), 0); // as it is told, and as a link says it: the same frame is seen
    batch(() => {
      moment.isPlaying.value = false;
      moment.isLive.value = false;
      this.isWaiting.value = false;
      if (moment.rate.peek() < 0) moment.rate.value = 1;
    });
    this.waiting.forget();
    this.tick();
    this.stage.ask();
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
    if (this.clock.isRunning) this.clock.run(rate, START_LAG_MS);
    this.tick();
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
    this.stage.close();
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

  /** Wait for no live picture any more. */
  private leaveLive(): void {
    this.opening += 1;
    this.isOpeningLive = false;
  }

  private moveTo(ms: number): void {
    this.isOpeningLive = false;
    this.clock.set(Math.round(ms), 0);
    this.waiting.forget();
    this.steps = 0;
    for (const one of this.channels.peek()) one.isExcused = false;
    this.tick();
  }

  /** Wait for a first live picture; where nothing is being recorded show the newest there is. */
  private async openLive(turn: number): Promise<void> {
    const isCurrent = () => turn === this.opening && !this.isEnded;
    const untilMs = performance.now() + FIRST_PICTURE_MS;
    while (isCurrent()) {
      try {
        await this.library.watchLive(this.ids);
      } catch (error) {
        if (!isCurrent()) return;
        this.refuse(error);
        this.pause();
        return;
      }
      if (!isCurrent()) return;
      const ms = this.library.liveMs(this.ids);
      if (ms !== null) {
        this.isOpened = true;
        return this.moveTo(ms);
      }
      const isComing = this.ids.some((id) => camera(id)?.isWanted) && performance.now() < untilMs;
      if (!isComing) return this.showNewest();
      await new Promise((done) => setTimeout(done, 1000));
    }
  }

  private async showNewest(): Promise<void> {
    this.pause();
    const turn = this.opening;
    const edges = await findEdges(this.ids).catch((error) => this.refuse(error));
    if (turn !== this.opening || this.isEnded || edges === undefined) return;
    if (edges) this.goTo(edges.lastMs - LAST_MS);
    else this.notice.value = noticeOf('end', {});
  }

  private refuse(error: unknown): void {
    this.notice.value = refusalOf(error, this.clock.ms);
  }

  private tick(): void {
    if (this.isEnded || !this.isOpened || this.ids.length === 0) return;
    const [isPlaying, rate, channels] = [moment.isPlaying.peek(), moment.rate.peek(), this.channels.peek()];
    const ms = this.clock.ms;
    if (this.isOpeningLive) {
      this.stand(ms);
      return;
    }
    const isScanning = isPlaying && this.isScanning(rate);
    this.library.keep(this.ids, ms, LOOK_AHEAD_MS * Math.max(1, Math.abs(rate) / 4));
    if (isPlaying) this.conduct(ms, rate, isScanning);
    else this.walk(ms);
    const now = this.clock.ms;
    for (const one of channels) one.follow(now, this.clock.rate, isScanning, !isPlaying);
    this.tell(now);
  }

  /** Keep the pictures as they are: what lies around them is not wanted any more. */
  private stand(ms: number): void {
    if (this.clock.isRunning) this.clock.hold();
    for (const one of this.channels.peek()) one.follow(ms, 0, false, true);
  }

  /** Are single pictures shown, since no video goes so fast, or backwards? */
  private isScanning(rate: number): boolean {
    return rate < 0 || rate > MOST_VIDEO_RATE || (rate > 2 && this.channels.peek().length > 4);
  }

  /** Let the clock go on where all can follow, hold it where one cannot. */
  private conduct(ms: number, rate: number, isScanning: boolean): void {
    if (this.leap(ms, rate)) return;
    this.keepLive(ms, rate);
    this.waiting.conduct(ms, rate, isScanning);
    this.isWaiting.value = this.waiting.isLong;
  }

  /** Where no camera has anything, go to what comes next, or stop at the end. True: the clock was moved or stopped. */
  private leap(ms: number, rate: number): boolean {
    const channels = this.channels.peek();
    if (channels.length === 0 || !channels.every((one) => one.status(ms) === 'gap')) return false;
    const around = this.surroundings.around(ms);
    const next = rate < 0 ? around?.beforeMs : around?.afterMs;
    if (next === undefined) return false; // it is being looked for
    if (next === null) {
      const isWanted = rate > 0 && this.ids.some((id) => camera(id)?.isWanted); // more will come
      if (!isWanted) this.end(ms);
      return !isWanted;
    }
    const to = rate < 0 ? next - LAST_MS / 5 : next;
    if (!jumpsGaps.peek() || Math.abs(to - ms) < 1000) return false;
    this.say(noticeOf('jumped', { fromMs: ms, toMs: to }));
    const isLive = moment.isLive.peek();
    this.moveTo(to);
    moment.isLive.value = isLive;
    return true;
  }

  private end(ms: number): void {
    const isBegin = moment.rate.peek() < 0;
    this.pause();
    this.notice.value = noticeOf(isBegin ? 'begin' : 'end', { fromMs: ms, ...this.surroundings.around(ms) });
  }

  /** Say something that is of interest for a while. */
  private say(notice: Notice): void {
    this.notice.value = notice;
    window.setTimeout(() => {
      if (this.notice.peek() === notice) this.notice.value = null;
    }, NOTICE_MS);
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
      const around = this.surroundings.around(ms);
      if (around) this.notice.value = noticeOf('nothing', { ...around, fromMs: ms, toMs: null });
    } else if (!isEmpty && said === 'nothing') this.notice.value = null;
  }

  private takeStep(leader: Channel, ms: number): void {
    const by = Math.sign(this.steps);
    const to = stepTarget(leader, this.library.shelf(leader.id), ms, by);
    if (to === null) return;
    this.steps -= by;
    this.clock.set(to, 0);
  }

  private tell(ms: number): void {
    const now = performance.now();
    const isPlaying = moment.isPlaying.peek();
    if (isPlaying && now - this.shownAtMs < SHOW_EVERY_MS) return;
    this.shownAtMs = now;
    moment.clockMs.value = Math.round(ms);
    if (this.library.error && !isRefusal(this.notice.peek())) this.refuse(this.library.error);
    else if (this.library.isCutOff && this.notice.peek() === null)
      this.notice.value = noticeOf('cutOff', { fromMs: ms });
    else if (!this.library.isCutOff && this.notice.peek()?.kind === 'cutOff') this.notice.value = null;
  }
}
