/**
 * The analyses that were begun here, and how far they are: of the newest that goes on by Server-Sent Events, of others
 * by asking now and then, since each stream holds one of the six connections that a browser opens.
 */
import { effect, signal } from '@preact/signals';
import { ApiError } from '../api/call';
import { addFootageFile, eventsPath, footageFile, startAnalysis } from '../api/clips';
import type { Audience, FileStatus, HandedFile } from '../api/files';
import type { Cut } from './cut';
import { type Stage, stageOf } from './stages';

export interface Analysis {
  id: number;
  name: string;
  stage: Stage;
}

/** The newest last. */
export const analyses = signal<Analysis[]>([]);

const ENDS: Stage[] = ['unfetched', 'error', 'db_ready'];
const ASK_EVERY_MS = 5000;

function note(id: number, stage: Stage): void {
  const known = analyses.peek().find((one) => one.id === id);
  const isBack = known?.stage === 'fetched' && stage === 'ready'; // an event of before, told again
  if (!known || known.stage === stage || isBack) return;
  analyses.value = analyses.peek().map((one) => (one.id === id ? { ...one, stage } : one));
}

/**
 * Begin the analysis of a stretch; `made` keeps the files of cameras for when it is tried again, so that each gets one.
 * Raises ApiError.
 */
export async function analyse(
  cut: Cut,
  name: string | null,
  audience: Audience,
  comment: string,
  made: Map<number, HandedFile>,
): Promise<void> {
  const file = made.get(cut.sourceId) ?? (await addFootageFile(cut, name));
  made.set(cut.sourceId, file);
  await startAnalysis(file.id, audience, comment);
  analyses.value = [...analyses.peek(), { id: file.id, name: file.name, stage: stageOf(file.status, undefined) }];
}

function listen(id: number): () => void {
  const events = new EventSource(eventsPath(id));
  events.onmessage = ({ data }: MessageEvent<string>) => {
    const { status, rotation } = JSON.parse(data) as { status: FileStatus; rotation?: string };
    note(id, stageOf(status, rotation));
  };
  return () => events.close();
}

async function askOf(id: number): Promise<void> {
  try {
    const file = await footageFile(id);
    note(id, file.status === 'ready' && file.downloads > 0 ? 'fetched' : stageOf(file.status, undefined));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 410 || error.status === 404) note(id, 'error');
  }
}

/** Follow the analyses for as long as the panel is shown; returns what ends it. */
export function followAnalyses(): () => void {
  let listened = 0;
  let hangUp: (() => void) | null = null;
  const going = () => analyses.value.filter((one) => !ENDS.includes(one.stage)).map((one) => one.id);
  const end = effect(() => {
    const newest = going().at(-1) ?? 0;
    if (newest === listened) return;
    hangUp?.();
    listened = newest;
    hangUp = newest ? listen(newest) : null;
  });
  const timer = setInterval(() => {
    if (document.hidden) return;
    for (const id of going()) if (id !== listened) void askOf(id);
  }, ASK_EVERY_MS);
  return () => {
    end();
    clearInterval(timer);
    hangUp?.();
  };
}
