import { bytesText } from '../instants';
import { IconButton } from '../parts/button';
import { ErrorText } from '../parts/shown';
import { type Download, downloads, drop } from './downloads';
import { say } from './words';

function stateText({ state, sizeBytes, doneBytes }: Download): string {
  const size = sizeBytes === null ? '?' : bytesText(sizeBytes);
  if (state === 'done') return say('downloadDone', { size: bytesText(doneBytes) });
  if (state === 'handed') return say('downloadHanded', { size });
  if (state === 'failed') return say('downloadFailed');
  if (state === 'waiting') return say('downloadWaits');
  return say('downloadOf', { done: bytesText(doneBytes), size });
}

function Line({ one }: { one: Download }) {
  const { key, name, sizeBytes, doneBytes, state, error } = one;
  const isGoing = state === 'running' || state === 'waiting';
  const label = say(isGoing ? 'cancelDownload' : 'dropDownload', { name });
  return (
    <li class="clips-download">
      <span class="clips-download-name">{name}</span>
      <IconButton icon="close" label={label} onClick={() => drop(key)} />
      {state === 'running' && (
        <progress aria-label={name} {...(sizeBytes !== null && { max: sizeBytes, value: doneBytes })} />
      )}
      <span class="small muted">{stateText(one)}</span>
      {error instanceof TypeError ? <p class="error-text">{say('brokenOff')}</p> : <ErrorText error={error} />}
    </li>
  );
}

/** How far downloads are. */
export function Downloads() {
  if (!downloads.value.length) return null;
  return (
    <section class="stack" aria-label={say('downloads')}>
      <h3>{say('downloads')}</h3>
      <ul
        class="stack"
        aria-live="polite"
        aria-busy={downloads.value.some(({ state }) => state === 'running' || state === 'waiting')}
      >
        {downloads.value.map((one) => (
          <Line key={one.key} one={one} />
        ))}
      </ul>
    </section>
  );
}
