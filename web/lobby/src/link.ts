/** What a link to this page can carry, all in the fragment, which no server sees. */
export interface Link {
  /** The code of an invite. */
  invite?: string
  session?: string
  passcode?: string
  /** A signature that another page got for its user. */
  signature?: string
  name?: string
}

const fields = ['invite', 'session', 'passcode', 'signature', 'name'] as const

/** Reads `#invite=…&session=…`; what it doesn't know it passes over. */
export function readLink(fragment: string): Link {
  const given = new URLSearchParams(fragment.replace(/^#/, ''))
  return Object.fromEntries(fields.flatMap(f => (given.get(f) ? [[f, given.get(f)!]] : [])))
}

/** Writes a link that readLink reads. */
export function writeLink(page: string, link: Link): string {
  const fragment = new URLSearchParams()
  for (const f of fields) if (link[f]) fragment.set(f, link[f])
  return page.replace(/#.*$/, '') + '#' + fragment.toString()
}
