import { el, icon } from './dom.ts'
import type { Link } from './link.ts'
import type { Preview } from './preview.ts'
import type { Words } from './words.ts'

/** What the form holds. */
export interface Entry {
  name: string
  session: string
  passcode: string
  host: boolean
}

export interface EnterOptions {
  link: Link
  entry: Partial<Entry>
  preview: Preview
  /** Called when the form is sent; what it throws nobody sees. */
  join: (entry: Entry) => Promise<void>
}

/** The first screen: who you are and where to. */
export class Enter {
  readonly element: HTMLElement
  readonly #name = el('input', { id: 'name', required: true, maxlength: 200, autocomplete: 'name' })
  readonly #session = el('input', { id: 'session', required: true, maxlength: 200, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' })
  readonly #passcode = el('input', { id: 'passcode', maxlength: 10, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', type: 'text' })
  readonly #host = el('input', { id: 'host', type: 'checkbox' })
  readonly #button = el('button', { class: 'main' }, 'Join')
  readonly #refusal = el('div', { class: 'refusal', id: 'refusal', role: 'alert' })

  constructor({ link, entry, preview, join }: EnterOptions) {
    const { invite, signature } = link
    this.#name.value = entry.name ?? ''
    this.#session.value = entry.session ?? ''
    this.#passcode.value = entry.passcode ?? ''
    this.#host.checked = entry.host ?? false
    const field = (input: HTMLElement, label: string, optional = false) => el('div', { class: 'field' }, el('label', { for: input.id }, label, optional && el('span', { class: 'dim' }, ' if it has one')), input)
    const form = el('form', { novalidate: true, onsubmit: (e: Event) => { e.preventDefault(); void this.#send(join) } },
      el('h1', {}, invite ? 'You are invited' : 'Join a session'),
      invite ? el('p', { class: 'dim' }, link.session ? `To the session ${link.session}.` : 'Tell the others who you are, then come in.') : false,
      field(this.#name, 'Your name'),
      // An invite names its session itself.
      !invite && field(this.#session, 'Session'),
      !invite && field(this.#passcode, 'Passcode', true),
      !invite && !signature && el('div', { class: 'check' }, this.#host, el('label', { for: 'host' }, 'Join as host')),
      this.#refusal,
      this.#button)
    for (const input of [this.#name, this.#session, this.#passcode]) input.addEventListener('input', () => this.#unmark(input))
    this.element = el('main', { class: 'enter' }, preview.element, form)
  }

  async #send(join: EnterOptions['join']): Promise<void> {
    if (this.#button.disabled) return
    const empty = [this.#name, this.#session].find(i => i.isConnected && i.value.trim() === '')
    if (empty) {
      this.refuse({ title: empty === this.#name ? 'Your name is missing.' : 'The session’s name is missing.', advice: '', field: empty === this.#name ? 'name' : 'session' })
      return
    }
    this.#refusal.replaceChildren()
    this.#button.disabled = true
    this.#button.textContent = 'Joining…'
    try {
      await join({ name: this.#name.value.trim(), session: this.#session.value.trim(), passcode: this.#passcode.value, host: this.#host.checked })
    } finally {
      this.#button.disabled = false
      this.#button.textContent = 'Join'
    }
  }

  /** Says why it didn't work, and takes the user to the field to change. */
  refuse(w: Words, more = ''): void {
    this.#refusal.replaceChildren(icon('alert'), el('div', {}, el('p', { class: 'strong' }, w.title), w.advice !== '' && el('p', {}, w.advice), more !== '' && el('p', { class: 'dim' }, more)))
    const input = w.field && { name: this.#name, session: this.#session, passcode: this.#passcode }[w.field]
    if (!input?.isConnected) return
    input.setAttribute('aria-invalid', 'true')
    input.setAttribute('aria-describedby', 'refusal')
    input.focus()
    input.select()
  }

  #unmark(input: HTMLElement): void {
    input.removeAttribute('aria-invalid')
    input.removeAttribute('aria-describedby')
  }
}
