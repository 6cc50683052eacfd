/** Server-Sent Events read from bytes (HTML Living Standard §9.2.6), for streams that a page must be able to ask anew. */
export interface StreamEvent {
  id: string;
  data: string;
}

/** Takes text in pieces of any size; gives each event once its empty line has come. */
export class EventParser {
  private rest = '';
  private data: string[] = [];
  private id = '';

  push(text: string): StreamEvent[] {
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.take(line));
  }

  private take(line: string): StreamEvent[] {
    if (line === '') {
      const event = { id: this.id, data: this.data.join('\n') };
      const isWhole = this.data.length > 0;
      this.data = [];
      return isWhole ? [event] : [];
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.data.push(value);
    if (name === 'id') this.id = value;
    return [];
  }
}
