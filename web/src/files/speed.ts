/** How fast bytes move, and how long the rest takes: over the last seconds, so that a pause is forgotten. */
const WINDOW_MS = 8000;
const LEAST_MS = 500; // of less nothing is said: the first bytes lie in buffers

interface Sample {
  atMs: number;
  bytes: number;
}

export class Speed {
  private samples: Sample[] = [];

  /** Take in how many bytes have moved by now. Fewer than before (a new attempt) begin anew. */
  note(bytes: number, atMs: number): void {
    const last = this.samples.at(-1);
    if (last && bytes < last.bytes) this.samples = [];
    this.samples.push({ atMs, bytes });
    while ((this.samples[1]?.atMs ?? atMs) < atMs - WINDOW_MS) this.samples.shift();
  }

  forget(): void {
    this.samples = [];
  }

  /** Bytes a second; null while too little is known. */
  get perSecond(): number | null {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last.atMs - first.atMs < LEAST_MS) return null;
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
  }

  /** Milliseconds until all of `totalBytes` has moved; null where that cannot be said. */
  leftMs(totalBytes: number): number | null {
    const speed = this.perSecond;
    const last = this.samples.at(-1);
    return !speed || !last ? null : ((totalBytes - last.bytes) * 1000) / speed;
  }
}
