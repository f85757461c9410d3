import type { Participant, Session, Waiting } from 'usher-client'
import { el, icon } from './dom.ts'

/** The list of who is here and who waits, with what a host may do about them. */
export class People {
  readonly element: HTMLElement
  readonly #session: Session
  readonly #act: (what: () => Promise<void>) => void
  readonly #list = el('ul', { class: 'people' })
  readonly #waiting = el('section', { class: 'waiting', 'aria-labelledby': 'waiting-title' })
  readonly #host = el('div', { class: 'host' })
  readonly #title = el('h2', { id: 'people-title', tabindex: -1 })

  constructor(session: Session, act: (what: () => Promise<void>) => void, close: () => void) {
    this.#session = session
    this.#act = act
    this.element = el('aside', { class: 'panel', 'aria-labelledby': 'people-title', hidden: true, onkeydown: (e: KeyboardEvent) => { if (e.key === 'Escape') close() } },
      el('header', {}, this.#title, el('button', { type: 'button', class: 'plain', 'aria-label': 'Close the list', onclick: close }, icon('close'))),
      this.#waiting, this.#list, this.#host)
    this.draw()
  }

  open(): void {
    this.element.hidden = false
    this.#title.focus({ preventScroll: true })
  }

  draw(): void {
    const s = this.#session
    const held = this.#focused()
    this.#title.textContent = `People (${s.participants.length})`
    this.#list.replaceChildren(...s.participants.map(p => this.#row(p)))
    this.#waiting.hidden = s.waiting.length === 0
    this.#waiting.replaceChildren(
      el('h3', { id: 'waiting-title' }, `Waiting to be let in (${s.waiting.length})`),
      el('ul', { class: 'people' }, ...s.waiting.map(w => this.#waitingRow(w))),
      ...(s.waiting.length > 1 ? [this.#button('admit-all', 'Let all in', 'Let everybody in who waits', () => s.admitAll())] : []))
    this.#host.hidden = !s.mayHost
    this.#host.replaceChildren(
      this.#button('lock', s.info.locked ? 'Unlock session' : 'Lock session', '', () => (s.info.locked ? s.unlock() : s.lock())),
      this.#button('mute-all', 'Mute all', 'Mute everybody else', () => s.muteAll()))
    // Rows are made anew; who works by keyboard must not lose the place.
    if (held) this.element.querySelector<HTMLElement>(`[data-key="${CSS.escape(held)}"]`)?.focus()
  }

  #focused(): string | undefined {
    const active = document.activeElement
    return active instanceof HTMLElement && this.element.contains(active) ? active.dataset['key'] : undefined
  }

  #row(p: Participant): HTMLElement {
    const s = this.#session
    const others = s.mayHost && !p.isSelf
    const what = [p.isHost ? 'Host' : p.isManager ? 'Co-host' : '', p.isSelf ? 'you' : ''].filter(t => t !== '').join(', ')
    return el('li', {},
      el('div', { class: 'who' }, el('span', { class: 'name' }, p.displayName), what !== '' && el('span', { class: 'dim' }, what)),
      el('span', { class: 'state' }, icon(p.muted ? 'micOff' : 'mic'), el('span', { class: 'unseen' }, p.muted ? 'muted' : 'microphone on'), icon(p.bVideoOn ? 'camera' : 'cameraOff'), el('span', { class: 'unseen' }, p.bVideoOn ? 'camera on' : 'camera off')),
      others && el('div', { class: 'acts' },
        !p.muted && this.#button(`mute ${p.userId}`, 'Mute', `Mute ${p.displayName}`, () => s.mute(p.userId)),
        p.role === 'participant' && this.#button(`cohost ${p.userId}`, 'Make co-host', `Make ${p.displayName} co-host`, () => s.makeCohost(p.userId)),
        !p.isHost && this.#button(`remove ${p.userId}`, 'Remove', `Remove ${p.displayName}`, () => s.remove(p.userId), 'danger')))
  }

  #waitingRow(w: Waiting): HTMLElement {
    return el('li', {},
      el('div', { class: 'who' }, el('span', { class: 'name' }, w.name), w.userKey !== undefined && el('span', { class: 'dim' }, w.userKey)),
      el('div', { class: 'acts' },
        this.#button(`admit ${w.id}`, 'Let in', `Let ${w.name} in`, () => this.#session.admit(w.id), 'main'),
        this.#button(`deny ${w.id}`, 'Turn away', `Turn ${w.name} away`, () => this.#session.deny(w.id))))
  }

  #button(key: string, text: string, label: string, act: () => Promise<void>, kind = ''): HTMLButtonElement {
    return el('button', { type: 'button', 'data-key': key, 'aria-label': label || undefined!, class: 'small ' + kind, onclick: () => this.#act(act) }, text)
  }
}
