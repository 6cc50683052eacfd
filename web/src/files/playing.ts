/** The film of a file as it plays: its state as signals, what may be done with it, whatever element shows it. */
import { signal } from '@preact/signals';
import { Slots } from '../parts/slots';
import { FrameSteps } from './framesteps';
import { FrameWatch } from './framewatch';

export const RATES = [0.25, 0.5, 1, 1.5, 2, 4, 8] as const;
const FRAME_S = 1 / 25; // where the browser does not tell which frame it shows

export class Playing {
  readonly timeS = signal(0);
  readonly durationS = signal(0);
  readonly isPlaying = signal(false);
  readonly isMuted = signal(false);
  readonly rate = signal(1);
  /** The browser cannot show the file. */
  readonly isRefused = signal(false);
  private media: HTMLMediaElement | null = null;
  private frame = 0;
  private watch: FrameWatch | null = null;
  private steps: FrameSteps | null = null;
  private readonly stepping = new Slots(1);

  constructor(durationS: number | null) {
    this.durationS.value = durationS ?? 0;
  }

  /** Take over an element, or give it back with null. */
  attach(media: HTMLMediaElement | null): void {
    cancelAnimationFrame(this.frame);
    this.watch?.end();
    this.media = media;
    const watch = media && FrameWatch.isPossible(media) ? new FrameWatch(media) : null;
    this.watch = watch;
    this.steps = watch && new FrameSteps((atS) => watch.show(atS));
    if (!media) return;
    const listen = (names: string, act: () => void) => {
      const heard = () => this.media === media && act();
      for (const name of names.split(' ')) media.addEventListener(name, heard);
    };
    listen('loadedmetadata durationchange', () => this.measure(media));
    listen('play pause ended playing', () => this.move(media));
    listen('timeupdate seeking seeked', () => this.look(media));
    listen('volumechange', () => {
      this.isMuted.value = media.muted;
    });
    listen('ratechange', () => {
      this.rate.value = media.playbackRate;
    });
    listen('error', () => {
      this.isRefused.value = true;
    });
  }

  private measure(media: HTMLMediaElement): void {
    if (Number.isFinite(media.duration)) this.durationS.value = media.duration;
    const isSilentPicture = media instanceof HTMLVideoElement && media.readyState >= 1 && media.videoWidth === 0;
    if (isSilentPicture) this.isRefused.value = true; // its sound alone can be decoded
  }

  private look(media: HTMLMediaElement): void {
    this.timeS.value = media.currentTime;
  }

  /** While it plays the time is looked at with each frame that is drawn: `timeupdate` comes four times a second. */
  private move(media: HTMLMediaElement): void {
    this.isPlaying.value = !media.paused && !media.ended;
    cancelAnimationFrame(this.frame);
    const step = () => {
      this.look(media);
      if (this.isPlaying.peek()) this.frame = requestAnimationFrame(step);
    };
    step();
  }

  toggle(): void {
    if (!this.media) return;
    if (this.media.paused)
      void this.media.play().catch(() => undefined); // `error` says why
    else this.media.pause();
  }

  pause(): void {
    this.media?.pause();
  }

  seek(timeS: number): void {
    const most = this.durationS.peek() || timeS;
    const wantedS = Math.min(Math.max(0, timeS), most);
    if (!this.media || this.media.readyState === 0) return;
    this.media.currentTime = wantedS;
    this.timeS.value = wantedS;
  }

  skip(seconds: number): void {
    this.seek(this.timeS.peek() + seconds);
  }

  /** Show the frame before or after; pressed again meanwhile, one more. */
  step(frames: 1 | -1): void {
    this.pause();
    const { watch, steps } = this;
    if (!watch || !steps) {
      this.skip(frames * FRAME_S);
      return;
    }
    void this.stepping.run(async () => {
      if (this.watch !== watch || !this.media || this.media.readyState === 0) return;
      const atS = await watch.shown();
      await (frames > 0 ? steps.on(atS, this.media.duration) : steps.back(atS));
    });
  }

  mute(isMuted: boolean): void {
    if (this.media) this.media.muted = isMuted;
  }

  setRate(rate: number): void {
    if (this.media) this.media.playbackRate = rate;
  }

  full(): void {
    void this.media?.requestFullscreen?.().catch(() => undefined);
  }
}
