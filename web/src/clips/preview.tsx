import { useState } from 'preact/hooks';
import { mp4Url } from '../api/footage';
import { cameraName } from '../cameras';
import { Dialog } from '../parts/dialog';
import { Field } from '../parts/field';
import type { Cut } from './cut';
import { say } from './words';

/** The very file that would be downloaded, played in a loop. */
export function Preview({ cuts, onClose }: { cuts: Cut[]; onClose: () => void }) {
  const [id, setId] = useState(cuts[0]?.sourceId ?? 0);
  const [isWrong, setWrong] = useState(false);
  const cut = cuts.find((one) => one.sourceId === id) ?? cuts[0];
  if (!cut) return null;
  return (
    <Dialog title={say('previewTitle')} onClose={onClose} isWide>
      <div class="stack">
        {cuts.length > 1 && (
          <Field label={say('camera')}>
            <select
              value={String(id)}
              onChange={(event) => {
                setWrong(false);
                setId(Number(event.currentTarget.value));
              }}
            >
              {cuts.map(({ sourceId }) => (
                <option key={sourceId} value={String(sourceId)}>
                  {cameraName(sourceId)}
                </option>
              ))}
            </select>
          </Field>
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
          onError={() => setWrong(true)}
        />
        {isWrong && (
          <p class="notice" data-kind="warning" role="alert">
            {say('cannotPlay', { codecs: cut.footage.codecs })}
          </p>
        )}
        <p class="small muted">{say('previewHint')}</p>
      </div>
    </Dialog>
  );
}
