/** How far an analysis is. */
import type { FileStatus } from '../api/files';

export type Stage = 'announced' | 'processing' | 'ready' | 'fetched' | 'unfetched' | 'error' | 'db_ready';

const STAGES: Record<FileStatus, Stage> = {
  '--------': 'announced',
  processing: 'processing',
  ready: 'ready',
  error: 'error',
  db_ready: 'db_ready',
};
const ROTATIONS: Record<string, Stage> = { downloaded: 'fetched', ran_out: 'unfetched', revoked: 'unfetched' };

/** What an event says of the stage: the status, and while that is `ready` how the key's rotation ended. */
export function stageOf(status: FileStatus, rotation: string | undefined): Stage {
  const stage = STAGES[status];
  return (stage === 'ready' && rotation && ROTATIONS[rotation]) || stage;
}
