import { defineConfig } from 'vite'

// Addresses are relative, so that the page works wherever it is mounted. The
// client library is one file under a fixed name: the page loads it while its
// user still types, and other pages can import the same file.
export default defineConfig({
  base: './',
  resolve: { conditions: ['source'] },
  server: {
    proxy: {
      '^/v1/': 'http://localhost:4000',
      '^/$': { target: 'http://localhost:4000', bypass: request => (request.method === 'POST' ? undefined : request.url) },
    },
  },
  build: {
    target: 'es2022',
    outDir: '../dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { lobby: 'index.html', 'usher-client': '../client/src/index.ts' },
      preserveEntrySignatures: 'exports-only',
      output: { entryFileNames: entry => (entry.name === 'usher-client' ? 'usher-client.js' : 'assets/[name]-[hash].js') },
    },
  },
})
