/** The status of a file in words. */
import type { FileStatus } from '../api/files';
import { say } from './words';

const KINDS: Record<FileStatus, 'good' | 'warning' | 'danger' | undefined> = {
  '--------': undefined,
  processing: 'warning',
  ready: 'good',
  error: 'danger',
  db_ready: 'good',
};

export const statusText = (status: FileStatus): string => say(status === '--------' ? 'announced' : status);

export function StatusBadge({ status }: { status: FileStatus }) {
  return (
    <span class="badge" data-kind={KINDS[status]} data-status={status}>
      {statusText(status)}
    </span>
  );
}
