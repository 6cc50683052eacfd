/** The keys of the player. */

import { useMemo } from 'preact/hooks';
import { type KeyHint, useKeys } from '../keys';
import * as moment from '../moment';
import { language } from '../words';
import type { Conductor } from './conductor';
import { shuttled } from './speeds';
import { say } from './words';

function hintsOf(conductor: Conductor, onFull: () => void): KeyHint[] {
  const shuttle = (direction: 1 | -1) => {
    conductor.setRate(shuttled(moment.rate.peek(), moment.isPlaying.peek(), direction));
    conductor.play();
  };
  const rows: [string, string, () => void][] = [
    ['space k', `${say('play')} / ${say('pause')}`, () => conductor.toggle()],
    ['ArrowLeft', say('back'), () => conductor.shift(-10_000)],
    ['ArrowRight', say('on'), () => conductor.shift(10_000)],
    ['shift+ArrowLeft', say('backLong'), () => conductor.shift(-60_000)],
    ['shift+ArrowRight', say('onLong'), () => conductor.shift(60_000)],
    [',', say('frameBack'), () => conductor.step(-1)],
    ['.', say('frameOn'), () => conductor.step(1)],
    ['j', say('backwards'), () => shuttle(-1)],
    ['l', say('faster'), () => shuttle(1)],
    ['Home', say('first'), () => void conductor.goToEdge(false)],
    ['End', say('last'), () => void conductor.goToEdge(true)],
    ['f', say('full'), onFull],
  ];
  const onPicture = { keys: 'Enter', hint: say('keyEnlarge') }; // heard by the picture that has the focus
  return [...rows.map(([keys, hint, act]) => ({ keys, hint, act })), onPicture];
}

export function usePlayerKeys(conductor: Conductor, onFull: () => void): void {
  const named = language.value;
  useKeys(
    useMemo(() => hintsOf(conductor, onFull), [conductor, onFull, named]),
    say('player'),
  );
}
