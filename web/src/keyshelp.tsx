/** The list behind `?`: what the keys of the page that is open do, by what they are keys of. */
import { type KeyHint, keySections } from './keys';
import { Dialog } from './parts/dialog';
import { say } from './shellwords';

const SIGNS: Record<string, string> = {
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  PageUp: 'Page Up',
  PageDown: 'Page Down',
  Escape: 'Esc',
  shift: 'Shift',
  ctrl: 'Ctrl',
};

/** What stands on the keys of a name: "shift+ArrowLeft" is Shift and ←, "N" is Shift and N. */
function signsOf(name: string): string[] {
  if (name === '+') return ['+'];
  const parts = /^[A-Z]$/.test(name) ? ['shift', name] : name.split('+');
  return parts.map((part) =>
    part === 'space' ? say('space') : (SIGNS[part] ?? (part.length === 1 ? part.toUpperCase() : part)),
  );
}

function Row({ keys, hint }: KeyHint) {
  return (
    <>
      <dt>
        {keys.split(' ').map((name) => (
          <span key={name} class="keys-combination">
            {signsOf(name).map((sign) => (
              <kbd key={sign}>{sign}</kbd>
            ))}
          </span>
        ))}
      </dt>
      <dd>{hint}</dd>
    </>
  );
}

export function KeysHelp({ onClose }: { onClose: () => void }) {
  const titles = [...new Set(keySections.value.map(({ title }) => title))];
  return (
    <Dialog title={say('keys')} onClose={onClose} isWide>
      <p class="small muted">{say('keysHint')}</p>
      <div class="keys-sections">
        {titles.map((title) => (
          <section key={title}>
            {title && <h3>{title}</h3>}
            <dl class="keys-list">
              {keySections.value
                .filter((one) => one.title === title)
                .flatMap(({ hints }) => hints)
                .map((hint) => (
                  <Row key={hint.keys} {...hint} />
                ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
