/** How wide tiles of 16:9 can be so that count of them fit into the area; all in pixels. */
export function fit(count: number, width: number, height: number, gap: number): number {
  let best = 0
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns)
    best = Math.max(best, Math.min((width - gap * (columns - 1)) / columns, ((height - gap * (rows - 1)) / rows) * (16 / 9)))
  }
  // Smaller than this nobody is recognised; the grid scrolls instead.
  const least = Math.min(150, width)
  if (best >= least) return Math.floor(best)
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)))
  return Math.floor((width - gap * (columns - 1)) / columns)
}

/** Up to two letters that stand for a name where there is no picture. */
export function initials(name: string): string {
  const parts = name.trim().split(/\s+/).map(word => [...new Intl.Segmenter().segment(word)][0]?.segment ?? '')
  return (parts.length > 1 ? parts[0]! + parts.at(-1)! : parts[0] ?? '').toUpperCase()
}
