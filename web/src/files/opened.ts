/**
 * One opened file: all that is known of it, kept up to date by the events that the service tells of it. One stream is
 * open at a time, since a browser holds six connections to a host over HTTP/1.1.
 */
import { type ReadonlySignal, signal } from '@preact/signals';
import { ApiError, ask, isAbort } from '../api/call';
import {
  type DownloadKey,
  type FileStatus,
  type HandedFile,
  keyOf,
  oneFile,
  type Report,
  reportOf,
} from '../api/files';
import { nowMs } from '../instants';
import { may } from '../me';
import { pause } from '../pause';
import { EventParser } from './eventstream';

export interface FileEvent {
  type: 'status' | 'progress' | 'download' | 'result' | 'comment';
  status: FileStatus;
  at_utc: string;
  received_bytes?: number;
  deleted?: boolean;
  act?: 'created' | 'changed' | 'deleted';
  comment?: { actor: string };
  violations_quantity?: number;
}

/** `key` is for operators alone; null where there is none to see, or nothing is known yet. */
export interface Known {
  file: HandedFile | null;
  report: Report | null;
  key: DownloadKey | null;
}

type Part = keyof Known;
const PARTS: readonly Part[] = ['file', 'report', 'key'];
/** What may be other than it was, by what has happened. */
const TOUCHED: Record<FileEvent['type'], readonly Part[]> = {
  status: PARTS,
  progress: [],
  download: ['file', 'key'],
  result: ['file', 'report'],
  comment: ['report'],
};
const GATHER_MS = 150; // events that come together, as the past of a file does, ask once
const QUIET_MS = 2000; // between looks whether something happens after the end: 204
const AGAIN_MS = 500;
const MOST_WAIT_MS = 30_000;
const FRESH_MS = 5000;
const FAILED_MS = 5000; // until what was not told is asked for again

const NOTHING: Known = { file: null, report: null, key: null };

export class OpenedFile {
  readonly id: number;
  private readonly ending = new AbortController();
  private readonly knownNow = signal<Known>(NOTHING);
  private readonly failure = signal<unknown>(null);
  private readonly goneNow = signal(false);
  private readonly isHeard = signal(false);
  private touched = new Set<Part>(PARTS);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private dueMs = Number.POSITIVE_INFINITY;
  private lastId = '';
  private work: Promise<void> = Promise.resolve();
  private readonly begunMs = nowMs();
  /** Told of each event that happens from now on, not of the past that a stream begins with. */
  onFresh: (event: FileEvent) => void = () => undefined;

  constructor(id: number) {
    this.id = id;
  }

  get known(): ReadonlySignal<Known> {
    return this.knownNow;
  }
  get error(): ReadonlySignal<unknown> {
    return this.failure;
  }
  /** It was deleted, or is no file that the caller sees. */
  get isGone(): ReadonlySignal<boolean> {
    return this.goneNow;
  }
  /** Whether the stream of events is there: what is shown is of now. */
  get isLive(): ReadonlySignal<boolean> {
    return this.isHeard;
  }

  begin(): void {
    void this.refresh(...PARTS);
    void this.listen();
  }

  end(): void {
    this.ending.abort();
    clearTimeout(this.timer);
  }

  /** Ask anew for parts of what is known. */
  refresh(...parts: Part[]): Promise<void> {
    for (const part of parts) this.touched.add(part);
    this.work = this.work.then(() => this.refreshOnce()); // one behind the other: no answer overtakes a newer one
    return this.work;
  }

  private async refreshOnce(): Promise<void> {
    const wanted = [...this.touched];
    this.touched.clear();
    try {
      await this.load(wanted);
      this.failure.value = null;
    } catch (error) {
      if (isAbort(error) || this.ending.signal.aborted) return;
      for (const part of wanted) this.touched.add(part);
      this.note(error);
      if (!this.goneNow.peek()) this.gather(FAILED_MS);
    }
  }

  private note(error: unknown): void {
    this.failure.value = error;
    if (error instanceof ApiError && (error.status === 410 || error.status === 404)) this.goneNow.value = true;
  }

  private async load(wanted: Part[]): Promise<void> {
    const { signal: aborted } = this.ending;
    const asks: Record<Part, () => Promise<Known[Part]>> = {
      file: () => oneFile(this.id, aborted),
      report: () => reportOf(this.id, aborted),
      key: () => (may('operator') ? keyOf(this.id, aborted) : Promise.resolve(null)),
    };
    await Promise.all(wanted.map(async (part) => this.take({ [part]: await asks[part]() })));
  }

  private take(values: Partial<Known>): void {
    if (!this.ending.signal.aborted) this.knownNow.value = { ...this.knownNow.peek(), ...values };
  }

  /** Hear events until the end; whatever breaks, ask anew from the last one that came. */
  private async listen(): Promise<void> {
    let waitMs = 0;
    while (!this.ending.signal.aborted && !this.goneNow.peek()) {
      try {
        waitMs = (await this.hearOnce()) ? AGAIN_MS : QUIET_MS;
      } catch (error) {
        if (isAbort(error)) return;
        if (error instanceof ApiError && [404, 410].includes(error.status)) this.note(error);
        waitMs = Math.min(MOST_WAIT_MS, Math.max(1000, waitMs * 2));
        this.isHeard.value = false;
      }
      await pause(waitMs, this.ending.signal).catch(() => undefined); // it has ended: the loop sees it
    }
  }

  /** Read one stream to its end. False: there is none, since nothing more is expected (204). */
  private async hearOnce(): Promise<boolean> {
    const headers = { Accept: 'text/event-stream', ...(this.lastId && { 'Last-Event-ID': this.lastId }) };
    const answer = await ask(`/download/${this.id}/`, { headers, signal: this.ending.signal, cache: 'no-store' });
    const isBack = !this.isHeard.peek();
    this.isHeard.value = true;
    if (isBack && this.touched.size) this.gather(); // of an attempt that failed
    if (answer.status === 204 || !answer.body) return false;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return true;
      for (const event of parser.push(value)) {
        this.lastId = event.id;
        this.happen(JSON.parse(event.data) as FileEvent);
      }
    }
  }

  private happen(event: FileEvent): void {
    const { file } = this.knownNow.peek();
    if (event.deleted) this.goneNow.value = true;
    if (event.type === 'progress' && file && event.received_bytes !== undefined)
      this.take({ file: { ...file, status: event.status, received_bytes: event.received_bytes } });
    const parts = TOUCHED[event.type] ?? [];
    for (const part of parts) this.touched.add(part);
    if (parts.length) this.gather();
    if (Date.parse(event.at_utc) > this.begunMs - FRESH_MS) this.onFresh(event);
  }

  /** Ask in a moment for what was touched, or sooner if that was to be already. */
  private gather(afterMs = GATHER_MS): void {
    const dueMs = performance.now() + afterMs;
    if (dueMs >= this.dueMs) return;
    clearTimeout(this.timer);
    this.dueMs = dueMs;
    this.timer = setTimeout(() => {
      this.dueMs = Number.POSITIVE_INFINITY;
      void this.refresh();
    }, afterMs);
  }
}
