import { useState } from 'preact/hooks';
import { ApiError, ask } from '../api/call';
import { mp4Url } from '../api/footage';
import { cameraName } from '../cameras';
import { CameraField } from '../parts/camerafield';
import { Dialog } from '../parts/dialog';
import { ErrorText } from '../parts/shown';
import type { Cut } from './cut';
import { say } from './words';

interface Problem {
  id: number;
  /** What the service says; null where it has the film, and the browser cannot play it. */
  why: ApiError | null;
}

/** A player does not say why it fails: the service is asked for the first byte. */
async function problemOf({ sourceId, startMs, endMs }: Cut): Promise<ApiError | null> {
  try {
    const answer = await ask(mp4Url(sourceId, startMs, endMs), { headers: { Range: 'bytes=0-0' } });
    await answer.body?.cancel();
    return null;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** Why the film does not play: the service's reason, or that the browser does not know what is in it. */
function Unplayable({ why, codecs }: { why: ApiError | null; codecs: string }) {
  if (!why)
    return (
      <p class="notice" data-kind="warning" role="alert">
        {say('cannotPlay', { codecs })}
      </p>
    );
  if (!why.has('no_footage')) return <ErrorText error={why} />;
  return (
    <p class="error-text" role="alert">
      {say('nothing')}
    </p>
  );
}

/** The very file that would be downloaded, played in a loop. */
export function Preview({ cuts, onClose }: { cuts: Cut[]; onClose: () => void }) {
  const [id, setId] = useState(cuts[0]?.sourceId ?? 0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const cut = cuts.find((one) => one.sourceId === id) ?? cuts[0];
  if (!cut) return null;
  return (
    <Dialog title={say('previewTitle')} onClose={onClose} isWide>
      <div class="stack">
        {cuts.length > 1 && (
          <CameraField
            cameras={cuts.map(({ sourceId }) => ({ id: sourceId, name: cameraName(sourceId) }))}
            value={String(id)}
            onChoose={(chosen) => {
              setProblem(null);
              setId(Number(chosen));
            }}
          />
        )}
        <video
          key={id}
          class="clips-preview"
          src={mp4Url(cut.sourceId, cut.startMs, cut.endMs)}
          aria-label={cameraName(cut.sourceId)}
          controls
          loop
          autoPlay
          muted
          playsInline
          onError={() => void problemOf(cut).then((why) => setProblem({ id, why }))}
        />
        {problem?.id === id && <Unplayable why={problem.why} codecs={cut.footage.codecs} />}
        <p class="small muted">{say('previewHint')}</p>
      </div>
    </Dialog>
  );
}
