import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['source'] },
  test: { environment: 'happy-dom', include: ['client/test/**/*.test.ts', 'lobby/test/**/*.test.ts'], restoreMocks: true },
})
