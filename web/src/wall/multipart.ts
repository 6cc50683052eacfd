/**
 * The pictures of an mJPEG stream (multipart/x-mixed-replace, RFC 2046 §5.1) out of its bytes: an `<img>` would show
 * them too, but not say of which instant they are, nor why there are none.
 */
export interface Part {
  headers: Map<string, string>;
  bytes: Uint8Array<ArrayBuffer>;
}

const END_OF_HEADERS = [13, 10, 13, 10];
const MOST_HEADER_BYTES = 4096;

/** Whether a Content-Type is that of such a stream. */
export const isPictures = (contentType: string): boolean => /^multipart\/x-mixed-replace\b/i.test(contentType);

function indexOf(bytes: Uint8Array, wanted: number[], from: number): number {
  for (let at = bytes.indexOf(wanted[0] ?? 0, from); at >= 0; at = bytes.indexOf(wanted[0] ?? 0, at + 1)) {
    if (wanted.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}

function headersOf(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

/** Takes bytes as they come and gives whole parts. Each part must say its Content-Length, as the service's do. */
export class Parts {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();

  /** Add bytes; return the parts that are whole by now. Raises TypeError for what is no such stream. */
  push(more: Uint8Array): Part[] {
    const joined = new Uint8Array(this.#bytes.length + more.length);
    joined.set(this.#bytes);
    joined.set(more, this.#bytes.length);
    this.#bytes = joined;
    const parts: Part[] = [];
    for (let part = this.#shift(); part; part = this.#shift()) parts.push(part);
    return parts;
  }

  #shift(): Part | null {
    const headEnd = indexOf(this.#bytes, END_OF_HEADERS, 0);
    if (headEnd < 0) {
      if (this.#bytes.length > MOST_HEADER_BYTES) throw new TypeError('this is no stream of pictures: no headers end');
      return null;
    }
    const headers = headersOf(new TextDecoder('latin1').decode(this.#bytes.subarray(0, headEnd)));
    const length = Number(headers.get('content-length') ?? Number.NaN);
    if (!Number.isInteger(length)) throw new TypeError('a picture of the stream does not say how long it is');
    const begin = headEnd + END_OF_HEADERS.length;
    if (this.#bytes.length < begin + length) return null;
    const bytes = this.#bytes.slice(begin, begin + length);
    this.#bytes = this.#bytes.slice(begin + length);
    return { headers, bytes };
  }
}
