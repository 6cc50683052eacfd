/** Which page is shown, and its state: both stand in the address, so that every view can be sent to somebody. */
import { batch, signal } from '@preact/signals';

export const PAGES = ['wall', 'timeline', 'cameras', 'files', 'system'] as const;
export type PageName = (typeof PAGES)[number];
export type Query = Record<string, string | null | undefined>;

export interface Route {
  page: PageName;
  query: URLSearchParams;
}

/** The page of an address of ours: `/` is the wall, all others stand below `/view/`. */
export function routeOf(address: URL): Route {
  const name = address.pathname.replace(/^\/view\//, '').replace(/\/$/, '');
  const page = PAGES.find((one) => one === name) ?? 'wall';
  return { page, query: address.searchParams };
}

/** The address of a page; what is null, undefined or empty in `query` is left out. */
export function pathOf(page: PageName, query: Query = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const text = new URLSearchParams(given).toString().replaceAll('%2C', ',').replaceAll('%3A', ':');
  return `${page === 'wall' ? '/' : `/view/${page}`}${text && `?${text}`}`;
}

export const route = signal<Route>(routeOf(new URL(location.href)));
/** How often somebody went to an address, by a link or by the browser's history; not what a page wrote into its own. */
export const arrivals = signal(0);
addEventListener('popstate', () => arrive());

function arrive(): void {
  batch(() => {
    route.value = routeOf(new URL(location.href));
    arrivals.value = arrivals.peek() + 1;
  });
}

/** Show a page. `replace` changes the address without a step that "back" would return to. */
export function navigate(page: PageName, query: Query = {}, { replace = false } = {}): void {
  const path = pathOf(page, query);
  if (path === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', path);
  if (replace) route.value = routeOf(new URL(location.href));
  else arrive();
}

/** Change some of the shown page's state and keep the rest; null takes a name away. */
export function changeQuery(change: Query, { replace = true } = {}): void {
  const { page, query } = route.peek();
  navigate(page, { ...Object.fromEntries(query), ...change }, { replace });
}
