/** The list of files as it is now: the first pages are asked for every few seconds while the page is looked at. */
import { signal } from '@preact/signals';
import { isAbort } from '../api/call';
import { type FilesQuery, type HandedFile, listFiles, nextFiles } from '../api/files';
import { Slots } from '../parts/slots';

const PORTION = 50;
const MOST = 1000; // rows that one answer may have
const LOOK_MS = 3000;

export class FileListing {
  readonly rows = signal<HandedFile[] | null>(null);
  readonly next = signal<string | null>(null);
  readonly error = signal<unknown>(null);
  /** Told of each file whose status is another than when it was last looked at. */
  onChange: (file: HandedFile) => void = () => undefined;
  private readonly query: FilesQuery;
  private readonly ending = new AbortController();
  /** One question behind the other: none overtakes another, nor takes back what it brought. */
  private readonly slots = new Slots(1);
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(query: FilesQuery) {
    this.query = query;
  }

  begin(): void {
    void this.look();
  }

  end(): void {
    this.ending.abort();
    clearTimeout(this.timer);
  }

  /** Ask for what is shown, and again after a while. Rows beyond the first thousand stay as they were. */
  async look(): Promise<void> {
    clearTimeout(this.timer);
    if (document.visibilityState === 'visible' || this.rows.peek() === null)
      await this.slots.run(() => this.lookOnce());
    if (!this.ending.signal.aborted) this.timer = setTimeout(() => void this.look(), LOOK_MS);
  }

  private async lookOnce(): Promise<void> {
    const before = this.rows.peek() ?? [];
    const limit = Math.min(MOST, Math.max(PORTION, Math.ceil(before.length / PORTION) * PORTION));
    try {
      const { rows, next } = await listFiles({ ...this.query, limit }, this.ending.signal);
      this.tell(before, rows);
      const lastId = rows.at(-1)?.id ?? 0;
      const isAll = before.length <= MOST || next === null;
      this.rows.value = isAll ? rows : [...rows, ...before.filter(({ id }) => id < lastId)];
      if (isAll) this.next.value = next;
      this.error.value = null;
    } catch (error) {
      if (!isAbort(error)) this.error.value = error;
    }
  }

  private tell(before: HandedFile[], rows: HandedFile[]): void {
    const statuses = new Map(before.map(({ id, status }) => [id, status]));
    for (const file of rows) if ((statuses.get(file.id) ?? file.status) !== file.status) this.onChange(file);
  }

  /** Add the next page. */
  more(): Promise<void> {
    return this.slots.run(() => this.addPage());
  }

  private async addPage(): Promise<void> {
    const address = this.next.peek();
    if (!address) return;
    try {
      const { rows, next } = await nextFiles(address, this.ending.signal);
      this.rows.value = [...(this.rows.peek() ?? []), ...rows];
      this.next.value = next;
    } catch (error) {
      if (!isAbort(error)) this.error.value = error;
    }
  }
}
