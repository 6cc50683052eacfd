/**
 * Builds src/ into app/static/built/: one entry, one lazy chunk a page, names that hold a hash of the bytes.
 * The template reads the manifest (app/views/pages.py), so that no address is written twice.
 */
import { defineConfig } from 'vitest/config';

interface Graph {
  getModuleInfo(id: string): { importers: readonly string[] } | null;
}

/** Whether a module is one of the frame or of the first page, or needed by one. */
function isOfFirst(id: string, graph: Graph, seen = new Set<string>()): boolean {
  seen.add(id);
  if (/[\\/]src[\\/](main\.tsx$|wall[\\/])/.test(id)) return true;
  const importers = graph.getModuleInfo(id)?.importers ?? [];
  return importers.some((one) => !seen.has(one) && isOfFirst(one, graph, seen));
}

const nameOfFirst = (id: string, graph: Graph) => (isOfFirst(id, graph) ? 'shared' : null);

export default defineConfig({
  base: '/static/built/',
  publicDir: false,
  test: { testTimeout: 60_000 }, // nothing is waited for: only a busy machine takes long
  build: {
    outDir: '../app/static/built',
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: ['chrome111', 'firefox114', 'safari16.4'],
    assetsInlineLimit: 0, // data: addresses would need more than the policy allows
    rollupOptions: {
      input: 'src/main.tsx',
      // What asks before all else is there (ahead.ts) has a small file of its own, which the page names first.
      // What pages share is one file, and a second one for what the first page does without: a browser has six
      // connections, and ten small files took longer than all of them.
      output: {
        codeSplitting: {
          groups: [
            { name: 'ahead', test: /src\/ahead\.ts$/, priority: 2 },
            { name: nameOfFirst, debugName: 'shared', minShareCount: 2, priority: 1 },
            { name: 'later', minShareCount: 2 },
          ],
        },
      },
    },
    modulePreload: { polyfill: false }, // its script would be one more in the first load
  },
});
