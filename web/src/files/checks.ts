/** What is looked at before a file is sent: size, type, and whether it is being sent already (`here`). The service itself takes any type and judges by the bytes. */
export type Doubt = 'empty' | 'too_large' | 'type' | 'here';

const KINDS = /^(video|audio|image|text)\//;
const DOCUMENTS = new Set([
  'application/pdf',
  'application/rtf',
  'application/ogg',
  'application/epub+zip',
  'application/msword',
  'application/json',
  'application/xml',
  'application/mxf',
]);
const OFFICE = /^application\/vnd\.(openxmlformats|oasis|ms-)/;
/** Endings that browsers know no type of. */
const ENDINGS =
  /\.(mkv|mov|mts|m2ts|ts|mxf|avi|flv|wmv|h264|h265|hevc|fountain|fdx|docx?|odt|rtf|srt|vtt|txt|md|pdf)$/i;

interface Chosen {
  name: string;
  type: string;
  size: number;
}

/** What speaks against sending a file; null for nothing. Only `type` may be overruled. */
export function doubtOf(file: Chosen, mostBytes: number | null): Doubt | null {
  if (file.size === 0) return 'empty';
  if (mostBytes !== null && file.size > mostBytes) return 'too_large';
  const isKnown = KINDS.test(file.type) || DOCUMENTS.has(file.type) || OFFICE.test(file.type);
  return isKnown || ENDINGS.test(file.name) ? null : 'type';
}

/** What a file is known by when it is chosen again after the page was loaded anew: never its content. */
export function fingerprintOf(file: Chosen & { lastModified: number }, account: string): string {
  return ['playback', account, file.name, file.size, file.lastModified].map(encodeURIComponent).join('/');
}

/** The id of the file behind an address of an upload: `…/files/7/`; null for another address. */
export function fileIdOf(address: string | null): number | null {
  const id = /\/files\/(\d+)\/?$/.exec(address ?? '')?.[1];
  return id ? Number(id) : null;
}
