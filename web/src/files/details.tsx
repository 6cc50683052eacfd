/** What is known of a file, and deleting it. */

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { type HandedFile, removeFile } from '../api/files';
import { cameras } from '../cameras';
import { bytesText, durationText, momentText } from '../instants';
import { may } from '../me';
import { Button } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { toast } from '../parts/toasts';
import { navigate } from '../route';
import { say } from './panelwords';

type Fact = [label: string, shown: ComponentChildren];

const momentOf = (utc: string | null): ComponentChildren =>
  utc && <time dateTime={utc}>{momentText(Date.parse(utc))}</time>;

/** What is known of a file; what is not known is left out. */
function factsOf(file: HandedFile): Fact[] {
  const camera = cameras.value?.find(({ id }) => id === file.source_id);
  const facts: Fact[] = [
    [say('number'), String(file.id)],
    [say('fault'), file.error && <bdi class="error-text">{file.error}</bdi>],
    [say('type'), file.media_type && <bdi>{file.media_type}</bdi>],
    [say('size'), file.size_bytes !== null && bytesText(file.size_bytes)],
    [say('length'), file.duration_s !== null && durationText(file.duration_s * 1000)],
    [say('camera'), file.source_id !== null && <bdi>{camera?.name ?? String(file.source_id)}</bdi>],
    [
      say('span'),
      file.start_utc && (
        <span>
          {momentOf(file.start_utc)} – {momentOf(file.end_utc)}
        </span>
      ),
    ],
    [say('owner'), <bdi key="owner">{file.owner}</bdi>],
    [say('created'), momentOf(file.created_utc)],
    [say('completed'), momentOf(file.completed_utc)],
    [say('expires'), file.completed_utc === null && momentOf(file.expires_utc)],
    [
      say('refer'),
      <span key="refer" class="code">
        {file.refer}
      </span>,
    ],
    [say('sha256'), file.sha256 && <span class="code">{file.sha256}</span>],
  ];
  return facts.filter(([, shown]) => Boolean(shown));
}

function RemoveDialog({ file, onClose }: { file: HandedFile; onClose: () => void }) {
  const { id, name, kind } = file;
  const remove = async () => {
    await removeFile(id);
    toast(say('removeFileSaid', { name }));
    navigate('files');
  };
  return (
    <Confirm title={say('removeFileTitle', { name })} action={say('remove')} icon="bin" act={remove} onClose={onClose}>
      <p>{say(kind === 'footage' ? 'removeFootageText' : 'removeFileText')}</p>
    </Confirm>
  );
}

export function DetailsPanel({ file }: { file: HandedFile }) {
  const isRemoving = useSignal(false);
  return (
    <section class="panel stack" aria-labelledby="files-details">
      <h2 id="files-details">{say('details')}</h2>
      <dl class="files-facts">
        {factsOf(file).map(([label, shown]) => (
          <>
            <dt key={label}>{label}</dt>
            <dd>{shown}</dd>
          </>
        ))}
      </dl>
      {may('operator') && (
        <div>
          <Button
            kind="danger"
            icon="bin"
            onClick={() => {
              isRemoving.value = true;
            }}
          >
            {say('removeFile')}
          </Button>
        </div>
      )}
      {isRemoving.value && (
        <RemoveDialog
          file={file}
          onClose={() => {
            isRemoving.value = false;
          }}
        />
      )}
    </section>
  );
}
