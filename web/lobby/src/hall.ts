import type { Client, Participant, Session, UsherError } from 'usher-client'
import { el, icon, say, unseen, type Icon } from './dom.ts'
import { fit, initials } from './grid.ts'
import { inviteDialog } from './invite.ts'
import { People } from './people.ts'
import { more, words } from './words.ts'

interface Tile {
  element: HTMLElement
  name: HTMLElement
  mic: HTMLElement
}

/** The running session. */
export class Hall {
  readonly element: HTMLElement
  readonly #session: Session
  readonly #client: Client
  readonly #passcode: string
  readonly #people: People
  readonly #tiles = new Map<string, Tile>()
  readonly #grid = el('ul', { class: 'grid', 'aria-label': 'Pictures of everybody' })
  readonly #screen = el('section', { class: 'screen', hidden: true })
  readonly #state = el('p', { class: 'banner', hidden: true, role: 'status' })
  readonly #trouble = el('div', { class: 'refusal floating', role: 'alert', hidden: true })
  readonly #locked = el('span', { class: 'badge', hidden: true }, icon('lock'), 'Locked')
  readonly #bar = el('div', { class: 'bar', role: 'toolbar', 'aria-label': 'Session' })
  readonly #microphone = this.#tool('mic', 'Mute', () => this.#toggleMicrophone())
  readonly #camera = this.#tool('camera', 'Camera', () => this.#toggleCamera())
  readonly #share = this.#tool('share', 'Share', () => this.#toggleShare())
  readonly #list = this.#tool('people', 'People', () => this.#togglePeople())
  readonly #size = new ResizeObserver(() => this.#arrange())
  #sharer = ''

  constructor(session: Session, client: Client, passcode: string) {
    this.#session = session
    this.#client = client
    this.#passcode = passcode
    this.#people = new People(session, act => void this.#do(act), () => this.#togglePeople(false))
    this.#bar.append(this.#microphone, this.#camera, this.#share, this.#list,
      this.#tool('invite', 'Invite', () => inviteDialog(this.#client, this.#session, this.#passcode)),
      this.#tool('leave', 'Leave', () => this.#leave(), 'leave'))
    this.element = el('main', { class: 'hall' },
      el('header', {}, el('h1', {}, session.topic), this.#locked),
      this.#state,
      el('div', { class: 'floor' }, this.#screen, this.#grid, this.#people.element),
      this.#trouble, this.#bar)
    this.#size.observe(this.#grid)
    this.#listen()
    for (const p of session.participants) this.#tile(p)
    this.#draw()
  }

  /** Starts what was chosen before joining; a device that fails is said, and the session goes on. */
  async start(choice: { camera: boolean; microphone: boolean; cameraId: string; microphoneId: string }): Promise<void> {
    const device = (id: string) => (id ? { deviceId: id } : {})
    if (choice.microphone) await this.#do(() => this.#session.startAudio(device(choice.microphoneId)))
    if (choice.camera) await this.#do(() => this.#session.startVideo(device(choice.cameraId)))
  }

  #listen(): void {
    const s = this.#session
    s.on('user-added', people => {
      for (const p of people) this.#tile(p)
      this.#draw()
      say(people.map(p => `${p.displayName} has joined`).join(', '))
    })
    s.on('user-removed', people => {
      for (const p of people) {
        this.#tiles.get(p.userId)?.element.remove()
        this.#tiles.delete(p.userId)
        s.detachVideo(p.userId)
      }
      this.#draw()
      say(people.map(p => `${p.displayName} has left`).join(', '))
    })
    s.on('user-updated', () => this.#draw())
    s.on('session-change', () => this.#draw())
    s.on('waiting-room-change', waiting => {
      this.#draw()
      if (waiting.length > 0) say(`${waiting.map(w => w.name).join(', ')} would like to come in`)
    })
    s.on('active-speaker', speakers => {
      const now = new Set(speakers.map(p => p.userId))
      for (const [id, tile] of this.#tiles) tile.element.classList.toggle('speaks', now.has(id))
    })
    s.on('active-share-change', share => this.#showScreen(share.state === 'Active' ? share.userId : ''))
    s.on('auto-play-audio-failed', () => {
      this.#tell('The browser plays no sound yet.', el('button', { type: 'button', class: 'small', onclick: () => { void s.resumeAudio(); this.#tell('') } }, 'Play sound'))
    })
    s.on('connection-change', c => this.#tell(c.state === 'Reconnecting' ? 'The connection is lost. Trying to have it again…' : ''))
  }

  #tool(sign: Icon, text: string, act: () => void, kind = ''): HTMLButtonElement {
    return el('button', { type: 'button', class: 'tool ' + kind, onclick: act }, icon(sign), el('span', {}, text))
  }

  /** Redraws a tool; off ones are those that keep others from seeing or hearing you, the badge is how many wait. */
  #set(tool: HTMLButtonElement, sign: Icon, text: string, off = false, badge = 0): void {
    tool.replaceChildren(icon(sign), el('span', {}, text), badge > 0 && el('span', { class: 'count' }, String(badge), unseen(' waiting')) || '')
    tool.classList.toggle('off', off)
  }

  #tile(p: Participant): void {
    if (this.#tiles.has(p.userId)) return
    const video = this.#session.attachVideo(p.userId)
    video.setAttribute('aria-hidden', 'true') // the name beside it says whose it is
    const name = el('span', {})
    const mic = el('span', { class: 'mic' })
    const element = el('li', { class: 'tile' + (p.isSelf ? ' self' : ''), 'data-user': p.userId }, el('span', { class: 'initials', 'aria-hidden': 'true' }, initials(p.displayName)), video, el('div', { class: 'label' }, mic, name))
    this.#tiles.set(p.userId, { element, name, mic })
    this.#grid.append(element)
  }

  #draw(): void {
    const s = this.#session
    for (const p of s.participants) {
      const tile = this.#tiles.get(p.userId)
      if (!tile) continue
      tile.element.classList.toggle('dark', !p.bVideoOn)
      tile.name.textContent = p.displayName + (p.isSelf ? ' (you)' : p.isHost ? ' · Host' : p.isManager ? ' · Co-host' : '')
      const mic = p.muted ? 'muted' : 'on'
      if (tile.mic.dataset['mic'] !== mic) {
        tile.mic.dataset['mic'] = mic
        tile.mic.replaceChildren(...(p.muted ? [icon('micOff'), unseen('muted, ')] : []))
      }
    }
    const me = s.self
    this.#set(this.#microphone, me.muted ? 'micOff' : 'mic', me.muted ? 'Unmute' : 'Mute', me.muted)
    this.#set(this.#camera, me.bVideoOn ? 'camera' : 'cameraOff', me.bVideoOn ? 'Stop video' : 'Start video', !me.bVideoOn)
    this.#set(this.#share, 'share', me.sharerOn ? 'Stop sharing' : 'Share')
    this.#set(this.#list, 'people', 'People', false, s.waiting.length)
    this.#locked.hidden = !s.info.locked
    this.#people.draw()
    this.#arrange()
  }

  #arrange(): void {
    const gap = 8
    const width = fit(this.#tiles.size, this.#grid.clientWidth, this.#grid.clientHeight, gap)
    this.#grid.style.setProperty('--wide', `${width}px`)
  }

  #showScreen(userId: string): void {
    if (this.#sharer) this.#session.detachShareView(this.#sharer)
    this.#sharer = userId
    this.#screen.hidden = userId === ''
    this.#screen.parentElement?.classList.toggle('sharing', userId !== '')
    if (userId === '') return this.#screen.replaceChildren()
    const who = this.#session.participants.find(p => p.userId === userId)?.displayName ?? 'Somebody'
    const video = this.#session.attachShareView(userId)
    video.setAttribute('aria-label', `The screen of ${who}`)
    this.#screen.replaceChildren(video, el('p', { class: 'label' }, `${who} shares a screen`))
    say(`${who} shares a screen`)
  }

  #togglePeople(open = this.#people.element.hidden): void {
    this.#list.setAttribute('aria-expanded', String(open))
    if (open) return this.#people.open()
    this.#people.element.hidden = true
    this.#list.focus()
  }

  #toggleMicrophone(): void {
    const s = this.#session
    void this.#do(() => (s.self.muted ? s.unmute() : s.mute()))
  }

  #toggleCamera(): void {
    const s = this.#session
    void this.#do(() => (s.self.bVideoOn ? s.stopVideo() : s.startVideo()))
  }

  #toggleShare(): void {
    const s = this.#session
    // Whoever closes the browser's own question has decided, and needs no message.
    void this.#do(() => (s.self.sharerOn ? s.stopShareScreen() : s.shareScreen()), 'permission_denied')
  }

  #leave(): void {
    if (!this.#session.mayHost) return void this.#session.leave()
    const dialog = el('dialog', { 'aria-labelledby': 'leave-title', onclose: () => {
      dialog.remove()
      if (dialog.returnValue === 'leave') void this.#session.leave()
      if (dialog.returnValue === 'end') void this.#do(() => this.#session.leave(true))
    } },
      el('form', { method: 'dialog' }, el('h2', { id: 'leave-title' }, 'Leave the session?'),
        el('p', {}, 'The others can go on without you, or you end it for everybody.'),
        el('div', { class: 'choices' },
          el('button', { value: 'end', class: 'danger' }, 'End for everybody'),
          el('button', { value: 'stay' }, 'Stay'),
          el('button', { value: 'leave', class: 'main', autofocus: true }, 'Leave'))))
    document.body.append(dialog)
    dialog.showModal()
  }

  /** Does it, and shows what went wrong. */
  async #do(what: () => Promise<void>, silent = ''): Promise<void> {
    this.#trouble.hidden = true
    try {
      await what()
    } catch (e) {
      const error = e as UsherError
      if (error.code === silent) return
      const w = words(error)
      this.#trouble.hidden = false
      this.#trouble.replaceChildren(icon('alert'), el('div', {}, el('p', { class: 'strong' }, w.title), el('p', {}, w.advice), more(error) !== '' && el('p', { class: 'dim' }, more(error))),
        el('button', { type: 'button', class: 'plain', 'aria-label': 'Close the message', onclick: () => { this.#trouble.hidden = true } }, icon('close')))
    }
    this.#draw()
  }

  #tell(text: string, button?: HTMLElement): void {
    this.#state.hidden = text === ''
    this.#state.replaceChildren(text, ...(button ? [button] : []))
  }

  close(): void {
    this.#size.disconnect()
  }
}
