import type { Client, Session } from 'usher-client'
import { el } from './dom.ts'
import { writeLink } from './link.ts'

const day = 24 * 60 * 60

/** Offers a link that lets others in: an invite where this user may make one, else the session's name. */
export function inviteDialog(client: Client, session: Session, passcode: string): void {
  const link = el('input', { id: 'link', readonly: true, 'aria-describedby': 'link-says', onfocus: () => link.select() })
  const says = el('p', { id: 'link-says', class: 'dim', role: 'status' })
  const copy = el('button', { type: 'button', class: 'main', disabled: true, autofocus: true, onclick: async () => {
    try {
      await navigator.clipboard.writeText(link.value)
      copy.textContent = 'Copied'
    } catch {
      link.select() // the keyboard can copy where the page may not
      says.textContent = 'Copy it with the keyboard; the browser doesn’t let this page do it.'
    }
  } }, 'Copy link')
  const uses = el('select', { id: 'uses', onchange: () => void make() }, el('option', { value: '1' }, 'one guest'), el('option', { value: '0' }, 'everybody who has the link'))
  const dialog = el('dialog', { 'aria-labelledby': 'invite-title', onclose: () => dialog.remove() },
    el('form', { method: 'dialog' }, el('h2', { id: 'invite-title' }, 'Invite'),
      el('div', { class: 'field' }, el('label', { for: 'uses' }, 'The link lets in'), uses),
      el('div', { class: 'field' }, el('label', { for: 'link' }, 'Link'), link),
      says,
      el('div', { class: 'choices' }, el('button', {}, 'Close'), copy)))

  let latest = 0
  async function make(): Promise<void> {
    const mine = ++latest
    copy.disabled = true
    copy.textContent = 'Copy link'
    says.textContent = 'Making the link…'
    const page = location.href
    const carried = passcode ? { session: session.topic, passcode } : { session: session.topic }
    let made: string, text: string
    try {
      const { code } = await client.invite({ session: session.topic, uses: Number(uses.value), expirationSeconds: day })
      made = writeLink(page, { invite: code, ...carried })
      text = 'It holds for a day.'
    } catch {
      uses.disabled = true
      made = writeLink(page, carried)
      text = 'You may not make invites here: this link names the session, and whoever opens it must be let in by their own right.'
    }
    if (mine !== latest) return // chosen differently meanwhile
    link.value = made
    says.textContent = text
    copy.disabled = false
  }
  document.body.append(dialog)
  dialog.showModal()
  void make()
}
