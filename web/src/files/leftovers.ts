/** Uploads that this browser began and did not end: the page was loaded anew, the machine went off. */
import { signal } from '@preact/signals';
import { defaultOptions, type PreviousUpload } from 'tus-js-client';
import { ApiError } from '../api/call';
import { type HandedFile, oneFile } from '../api/files';
import { me } from '../me';
import { fileIdOf, fingerprintOf } from './checks';
import { removePart, uploads } from './queue';

export interface Leftover {
  storageKey: string;
  name: string;
  sizeBytes: number;
  file: HandedFile;
}

export const leftovers = signal<Leftover[]>([]);
const storage = defaultOptions.urlStorage;
const OWN = `tus::playback/${encodeURIComponent(me.name)}/`;

/** What the service has of an upload; null where it was deleted, given up, or is whole, and so nothing is left to do. */
async function lookUp(one: PreviousUpload, fileId: number): Promise<Leftover | null> {
  try {
    const file = await oneFile(fileId);
    if (file.completed_utc !== null) return null;
    return { storageKey: one.urlStorageKey, name: one.metadata.filename ?? file.name, sizeBytes: one.size ?? 0, file };
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 410)) return null;
    throw error;
  }
}

/** Look what was left; what is none any more is forgotten. Raises ApiError. */
export async function findLeftovers(): Promise<void> {
  const kept = (await storage.findAllUploads()).filter((one) => one.urlStorageKey.startsWith(OWN));
  const found = await Promise.all(
    kept.map(async (one) => {
      const fileId = fileIdOf(one.uploadUrl);
      const isHere = uploads.peek().some((item) => item.fileId === fileId);
      const left = fileId === null || isHere ? null : await lookUp(one, fileId);
      if (left === null && !isHere) await storage.removeUpload(one.urlStorageKey);
      return left;
    }),
  );
  leftovers.value = found.filter((one) => one !== null);
}

/** Whether a file is the one whose upload was left: by name, size and date. */
export function isSame(left: Leftover, file: File): boolean {
  return left.storageKey.startsWith(`tus::${fingerprintOf(file, me.name)}::`);
}

/** Delete what came of it, unless it has become the whole file since, as by another tab. Raises ApiError. */
export async function discard(left: Leftover): Promise<void> {
  await removePart(left.file.id);
  await storage.removeUpload(left.storageKey);
  leftovers.value = leftovers.value.filter((one) => one !== left);
}
