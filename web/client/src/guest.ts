const item = 'usher.guest'

/**
 * The secret that makes this browser one and the same guest each time an
 * invite is redeemed: 128 random bits, kept in localStorage. Where storing is
 * forbidden the guest is a new one at each load of the page.
 */
export function guestSecret(): string {
  try {
    const kept = localStorage.getItem(item)
    if (kept && kept.length >= 22) return kept
  } catch {
    return forThisPage ??= newSecret()
  }
  const made = newSecret()
  try {
    localStorage.setItem(item, made)
  } catch {
    return forThisPage ??= made
  }
  return made
}

let forThisPage: string | undefined

function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('')
}
