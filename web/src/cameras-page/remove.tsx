/** Removing a camera, and stopping one that records with others: both are asked before they are done. */

import { useState } from 'preact/hooks';
import { ApiError } from '../api/call';
import { removeSource } from '../api/sources';
import { type Camera, cameras, refresh } from '../cameras';
import { Button } from '../parts/button';
import { Confirm } from '../parts/confirm';
import { Dialog } from '../parts/dialog';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
import { say as sayPart } from '../parts/words';
import { stop, stoppedWith } from './recording';
import { say } from './words';

function Others({ camera }: { camera: Camera }) {
  const others = stoppedWith(camera, cameras.value ?? []);
  if (!others.length) return null;
  return (
    <p class="notice" data-kind="warning">
      {say('stopsOthers', { names: others.map(({ name }) => name).join(', ') })}
    </p>
  );
}

/** The service refuses to remove what records (409): what that means is said before and after it was tried. */
export function Remove({ camera, onClose }: { camera: Camera; onClose: () => void }) {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const { name, tags } = camera;
  const isRefused = error instanceof ApiError && error.has('source_is_recording');
  const remove = async () => {
    setBusy(true);
    try {
      if (camera.isWanted) await stop(camera);
      await removeSource(camera.id);
      toast(say('removed', { name }));
      onClose();
    } catch (reason) {
      setError(reason);
    } finally {
      await refresh();
      setBusy(false);
    }
  };
  return (
    <Dialog title={say('removeTitle', { name })} onClose={onClose}>
      <div class="stack">
        <p>{say('removeHint')}</p>
        {(camera.isWanted || isRefused) && (
          <p class="notice" data-kind="warning">
            {say('isRecording', { name, tags: tags.map((tag) => `“${tag.name}”`).join(', ') })}
          </p>
        )}
        <Others camera={camera} />
        {!isRefused && <ErrorText error={error} />}
      </div>
      <div class="dialog-buttons">
        <Button onClick={onClose}>{sayPart('cancel')}</Button>
        <Button kind="danger" icon="bin" disabled={isBusy} onClick={remove}>
          {say(camera.isWanted ? 'stopAndRemove' : 'removeShort')}
        </Button>
      </div>
    </Dialog>
  );
}

/** Asked only where other cameras stop too. */
export function Stop({ camera, onClose }: { camera: Camera; onClose: () => void }) {
  const { name } = camera;
  const act = async () => {
    await stop(camera);
    toast(say('stopped', { name }));
  };
  return (
    <Confirm title={say('stopTitle', { name })} action={say('stopShort')} icon="stop" act={act} onClose={onClose}>
      <Others camera={camera} />
    </Confirm>
  );
}
