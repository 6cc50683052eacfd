import { useEffect, useRef } from 'preact/hooks';
import type { Camera } from '../cameras';
import { clockText } from '../instants';
import { IconButton } from '../parts/button';
import { useModal } from '../parts/dialog';
import { Link } from '../parts/link';
import { Lamp } from '../parts/shown';
import { say as sayPart } from '../parts/words';
import { close, open } from './opened';
import { pictureOf, watchLive } from './pictures';
import { PictureClock, RunningTags, Silence } from './tile';
import { say } from './words';

const EVERY_FRAME = 0;

function Bar({ camera, step }: { camera: Camera; step: (places: number) => void }) {
  return (
    <div class="wall-large-bar">
      <IconButton icon="left" label={say('previous')} onClick={() => step(-1)} />
      <IconButton icon="right" label={say('next')} onClick={() => step(1)} />
      <h2>{camera.name}</h2>
      <Lamp camera={camera} isWordShown />
      <RunningTags camera={camera} />
      <span class="spring" />
      <Link class="button" page="timeline" query={{ cameras: String(camera.id) }}>
        {say('open')}
      </Link>
      <IconButton icon="close" label={sayPart('close')} onClick={close} />
    </div>
  );
}

/** One camera on the whole window, live; the arrows go to the cameras before and behind it. */
export function Large({ camera, cameras }: { camera: Camera; cameras: Camera[] }) {
  const box = useRef<HTMLDialogElement>(null);
  const { id, name } = camera;
  useModal(box);
  useEffect(() => watchLive(id, EVERY_FRAME), [id]);
  const step = (places: number) => {
    const at = cameras.findIndex((one) => one.id === id);
    const next = cameras[(at + places + cameras.length) % cameras.length];
    if (next) open({ kind: 'large', id: next.id });
  };
  const hear = (event: KeyboardEvent) => {
    if (event.key === 'ArrowLeft') step(-1);
    if (event.key === 'ArrowRight') step(1);
  };
  const picture = pictureOf(id).value;
  const cancel = (event: Event) => {
    event.preventDefault();
    close();
  };
  return (
    <dialog ref={box} class="wall-large" aria-label={name} onCancel={cancel} onKeyDown={hear}>
      <div class={`wall-large-picture${picture.isSilent ? ' is-silent' : ''}`}>
        {picture.url && <img src={picture.url} alt={say('picture', { name, time: clockText(picture.takenMs ?? 0) })} />}
        <Silence id={id} picture={picture} />
        <PictureClock id={id} picture={picture} />
      </div>
      <Bar camera={camera} step={step} />
    </dialog>
  );
}
