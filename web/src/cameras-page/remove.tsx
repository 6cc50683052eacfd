/** Removing a camera, and stopping one that records with others: both are asked before they are done. */

import { ApiError } from '../api/call';
import { removeSource } from '../api/sources';
import { type Camera, cameras, refresh } from '../cameras';
import { Confirm } from '../parts/confirm';
import { ErrorText } from '../parts/shown';
import { toast } from '../parts/toasts';
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

async function remove(camera: Camera): Promise<void> {
  const { id, name } = camera;
  try {
    if (camera.isWanted) await stop(camera);
    await removeSource(id);
    toast(say('removed', { name }));
  } finally {
    await refresh();
  }
}

/** What is told before; the service refuses to remove what records (409): what that means is said after that too. */
function Told({ camera, error }: { camera: Camera; error: unknown }) {
  const { name, tags } = camera;
  const isRefused = error instanceof ApiError && error.has('source_is_recording');
  return (
    <>
      <p>{say('removeHint')}</p>
      {(camera.isWanted || isRefused) && (
        <p class="notice" data-kind="warning">
          {say('isRecording', { name, tags: tags.map((tag) => `“${tag.name}”`).join(', ') })}
        </p>
      )}
      <Others camera={camera} />
      {!isRefused && <ErrorText error={error} />}
    </>
  );
}

export function Remove({ camera, onClose }: { camera: Camera; onClose: () => void }) {
  return (
    <Confirm
      title={say('removeTitle', { name: camera.name })}
      action={say(camera.isWanted ? 'stopAndRemove' : 'removeShort')}
      icon="bin"
      act={() => remove(camera)}
      onClose={onClose}
    >
      {(error) => <Told camera={camera} error={error} />}
    </Confirm>
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
