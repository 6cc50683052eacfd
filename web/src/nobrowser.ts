/** For tests without a browser, imported first: what the modules of a page look for when they are loaded. */
const kept = new Map<string, string>();

Object.assign(globalThis, {
  localStorage: { getItem: (key: string) => kept.get(key) ?? null, setItem: kept.set.bind(kept) },
  document: { cookie: '', documentElement: {}, body: { dataset: { role: 'admin', allCameras: 'true' } } },
  navigator: { languages: ['en'] },
  location: new URL('http://localhost/'),
});
