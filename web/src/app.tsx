/** The frame around every page: where one can go, who looks, and what is said in passing. */
import { effect, useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useLayoutEffect, useMemo } from 'preact/hooks';
import { lost, watchCameras } from './cameras';
import { useKeys } from './keys';
import { KeysHelp } from './keyshelp';
import { Button } from './parts/button';
import { Icon, type IconName } from './parts/icon';
import { Link } from './parts/link';
import { Empty, Spinner } from './parts/shown';
import { Toasts } from './parts/toasts';
import { PAGES, type PageName, route } from './route';
import { Settings } from './settings';
import { say } from './shellwords';
import { SignedIn } from './signedin';
import { SignedOut } from './signedout';

const ICONS: Record<PageName, IconName> = {
  wall: 'grid',
  timeline: 'clock',
  cameras: 'camera',
  files: 'files',
  system: 'gear',
};

type PageModule = { default: ComponentType };
type Shown = { name: PageName; View: ComponentType };
/** Each page is loaded when it is first shown. */
const LOADERS: Record<PageName, () => Promise<PageModule>> = {
  wall: () => import('./wall'),
  timeline: () => import('./timelinepage'),
  cameras: () => import('./cameras-page'),
  files: () => import('./files'),
  system: () => import('./system'),
};

/** Load the page that the address names. */
export async function loadPage(): Promise<Shown> {
  const name = route.peek().page;
  return { name, View: (await LOADERS[name]()).default };
}

function Head() {
  const shown = route.value.page;
  return (
    <header class="shell-head">
      <Link page="wall" class="shell-mark" aria-label="flask-playback">
        <img src={document.querySelector<HTMLLinkElement>('link[rel=icon]')?.href} alt="" width="24" height="24" />
      </Link>
      <nav class="shell-pages" aria-label={say('pages')}>
        {PAGES.map((name) => (
          <Link key={name} page={name} aria-current={name === shown ? 'page' : undefined}>
            <Icon name={ICONS[name]} />
            {say(name)}
          </Link>
        ))}
      </nav>
      <span class="spring" />
      <Settings />
      <SignedIn />
    </header>
  );
}

/** The page of the address; until it is loaded the one before stays. */
function Page({ first }: { first: Shown | null }) {
  const shown = useSignal(first);
  const error = useSignal<Error | null>(null);
  useSignalEffect(() => {
    const { page } = route.value;
    const show = (next: Shown | null) => {
      if (next?.name !== route.peek().page) return;
      error.value = null;
      shown.value = next;
    };
    if (shown.peek()?.name === page) show(shown.peek());
    else
      loadPage().then(show, (reason: Error) => {
        if (route.peek().page === page) error.value = reason;
      });
  });
  if (error.value)
    return (
      <Empty title={say('failed')}>
        <p class="small code">{error.value.message}</p>
        <Button kind="main" onClick={() => location.reload()}>
          {say('reload')}
        </Button>
      </Empty>
    );
  if (!shown.value) return <Spinner />;
  const { name, View } = shown.value;
  return <View key={name} />;
}

/** The key that opens the help on keys. */
function useHelpKey(open: () => void): void {
  const label = say('keys');
  const hints = useMemo(() => [{ keys: '?', hint: label, act: open }], [label]);
  useKeys(hints, say('everywhere'));
}

/** Why what is shown may be old; that nobody is signed in any more is said apart. */
function Lost() {
  const why = lost.value;
  const isTold = why !== null && why.status !== 401;
  return (
    <div role="alert">
      {isTold && <p class="shell-lost">{why.status ? say('refused', { why: why.message }) : say('lost')}</p>}
    </div>
  );
}

/** The title is another as soon as the page is: who hears it read out is told at once. */
const keepTitle = () =>
  effect(() => {
    document.title = `${say(route.value.page)} · flask-playback`;
  });

/** `first`: the page that is loaded already, to be drawn together with its frame. */
export function App({ first = null }: { first?: Shown | null }) {
  const isHelpOpen = useSignal(false);
  useHelpKey(() => {
    isHelpOpen.value = true;
  });
  useEffect(watchCameras, []);
  useLayoutEffect(keepTitle, []);
  return (
    <>
      <a class="button shell-skip" href="#main">
        {say('skip')}
      </a>
      <Head />
      <Lost />
      <SignedOut />
      <main id="main" class="shell-main" tabIndex={-1} data-page={route.value.page}>
        <Page first={first} />
      </main>
      <Toasts />
      {isHelpOpen.value && (
        <KeysHelp
          onClose={() => {
            isHelpOpen.value = false;
          }}
        />
      )}
    </>
  );
}
