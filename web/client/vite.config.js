import { defineConfig } from 'vite'

// Two builds of the same source: a module that leaves livekit-client to the
// application's own bundler, and, in mode "bundle", one file with everything
// in it for pages that have no bundler.
export default defineConfig(({ mode }) => ({
  build: {
    target: 'es2022',
    emptyOutDir: mode !== 'bundle',
    minify: mode === 'bundle',
    sourcemap: mode !== 'bundle',
    lib: {
      entry: 'src/index.ts',
      formats: ['es'],
      fileName: () => (mode === 'bundle' ? 'usher-client.bundle.js' : 'usher-client.js'),
    },
    rollupOptions: { external: mode === 'bundle' ? [] : ['livekit-client'] },
  },
}))
