/**
 * One frame on or back in a film of which nobody has told the frame rate, or which has none that is the same all along:
 * it is found by looking which frame a moment shows. All times are in seconds of the film.
 */

/** Goes to a moment; returns when the frame begins that is shown there. */
export type Show = (atS: number) => Promise<number>;

const EDGE_S = 0.001; // a moment this near is the frame beside: browsers tell times to a microsecond
const GUESS_S = 1 / 25;
const ALIKE = 1.25; // frames of one rate differ by rounding alone

export class FrameSteps {
  /** The shortest frame that was seen; null until there was one. */
  private lengthS: number | null = null;
  /** All frames that were seen had the same length. */
  private isSteady = true;
  private readonly show: Show;

  constructor(show: Show) {
    this.show = show;
  }

  /** Note that two frames follow one another. */
  private noteLength(lengthS: number): void {
    if (lengthS <= EDGE_S) return;
    if (!this.isAlike(lengthS)) this.isSteady = false;
    this.lengthS = Math.min(this.lengthS ?? lengthS, lengthS);
  }

  /** Whether a step over so much is sure to be one frame, without a look at what lies between. */
  private isOne(lengthS: number): boolean {
    return this.isSteady && this.lengthS !== null && this.isAlike(lengthS);
  }

  private isAlike(lengthS: number): boolean {
    const knownS = this.lengthS ?? lengthS;
    return lengthS <= knownS * ALIKE && lengthS >= knownS / ALIKE;
  }

  /** Show the frame after the one that begins at `atS`; returns its begin, or `atS` at the end of the film. */
  async on(atS: number, endS: number): Promise<number> {
    const stepS = this.lengthS ?? GUESS_S;
    let foundS = atS;
    for (let wantedS = atS + stepS + EDGE_S; foundS <= atS; wantedS += stepS) {
      foundS = await this.show(Math.min(wantedS, endS));
      if (wantedS >= endS) break;
    }
    if (foundS <= atS) return atS;
    if (!this.isOne(foundS - atS)) {
      for (let beforeS = foundS; beforeS > atS; beforeS = await this.show(foundS - EDGE_S)) foundS = beforeS;
      await this.show(foundS + EDGE_S);
    }
    this.noteLength(foundS - atS);
    return foundS;
  }

  /** Show the frame before the one that begins at `atS`; returns its begin. */
  async back(atS: number): Promise<number> {
    if (this.lengthS !== null) {
      const foundS = await this.show(Math.max(0, atS - this.lengthS + EDGE_S));
      if (foundS < atS && this.isOne(atS - foundS)) return foundS;
    }
    const foundS = await this.show(Math.max(0, atS - EDGE_S));
    this.noteLength(atS - foundS);
    return this.show(foundS + EDGE_S);
  }
}
