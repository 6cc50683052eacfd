import { saidOfCamera } from '../statuswords';

/** What the service says of a camera: in the user's language where it is one of its fixed sentences, else in English. */
export function CameraSaid({ detail }: { detail: string }) {
  const said = saidOfCamera(detail);
  return said === null ? <span lang="en">{detail}</span> : <bdi>{said}</bdi>;
}
