/** Which frame of a film is shown: told by the browser with each that is drawn, and after each jump. */

const DRAWN_MS = 500; // after `seeked` the frame is drawn with the next refresh of the screen, if it is another

/** Act when the screen has been drawn anew so often: a busy machine draws late. */
function afterRefreshes(count: number, act: () => void): void {
  if (count === 0) act();
  else requestAnimationFrame(() => afterRefreshes(count - 1, act));
}

export class FrameWatch {
  /** When the frame begins that was drawn last, in seconds of the film; null before the first. */
  private shownS: number | null = null;
  private readonly media: HTMLVideoElement;
  private ticket = 0;
  private drawn: () => void = () => undefined;

  constructor(media: HTMLVideoElement) {
    this.media = media;
    this.listen();
  }

  /** Whether the browser tells; some do not yet. */
  static isPossible(media: HTMLMediaElement): media is HTMLVideoElement {
    return media instanceof HTMLVideoElement && 'requestVideoFrameCallback' in media;
  }

  end(): void {
    this.media.cancelVideoFrameCallback(this.ticket);
  }

  private listen(): void {
    this.ticket = this.media.requestVideoFrameCallback((_, { mediaTime }) => {
      this.shownS = mediaTime;
      this.listen();
      if (!this.media.seeking) this.drawn(); // else it may be one of before the jump
    });
  }

  /** When the frame begins that is shown now. */
  async shown(): Promise<number> {
    return this.shownS ?? this.show(this.media.currentTime + 1e-6);
  }

  /** Go to a moment of the film; returns when the frame begins that is shown there. */
  async show(atS: number): Promise<number> {
    const { media } = this;
    if (media.currentTime !== atS || media.seeking) {
      await new Promise<void>((resolve) => {
        this.drawn = resolve;
        const wait = () => setTimeout(() => afterRefreshes(2, resolve), DRAWN_MS);
        media.addEventListener('seeked', wait, { once: true });
        media.currentTime = atS;
      });
      this.drawn = () => undefined;
    }
    return this.shownS ?? media.currentTime;
  }
}
