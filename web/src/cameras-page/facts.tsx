/** What a camera sends, in one line. */
import { numberText } from '../instants';
import { codecName } from './measured';
import { say } from './words';

interface Video {
  codec: string | null;
  width: number | null;
  height: number | null;
  fps: number | null;
}

export function videoText({ codec, width, height, fps }: Video): string {
  const size = width && height ? `${width}×${height}` : '';
  const rate = fps ? say('fps', { rate: numberText(fps, fps < 10 && fps % 1 ? 1 : 0) }) : '';
  return [codec && codecName(codec), size, rate].filter(Boolean).join(' · ');
}
