import { el, icon, unseen, type Icon } from './dom.ts'

/** What the user chose before joining. */
export interface Choice {
  camera: boolean
  microphone: boolean
  cameraId: string
  microphoneId: string
}

const remembered = 'usher.devices'

/** The picture of your own camera, the level of your own microphone, and which of them to use. */
export class Preview {
  readonly element: HTMLElement
  readonly choice: Choice = { camera: true, microphone: true, cameraId: '', microphoneId: '', ...recall() }

  readonly #video = el('video', { autoplay: true, playsinline: true, 'aria-label': 'Your camera', class: 'mirrored' })
  readonly #note = el('p', { class: 'note' })
  readonly #level = el('span', { class: 'level', 'aria-hidden': 'true' })
  readonly #cameras = el('select', { id: 'camera', onchange: () => this.#choose('camera') })
  readonly #microphones = el('select', { id: 'microphone', onchange: () => this.#choose('microphone') })
  readonly #cameraButton = el('button', { type: 'button', class: 'round', onclick: () => this.#toggle('camera') })
  readonly #microphoneButton = el('button', { type: 'button', class: 'round', onclick: () => this.#toggle('microphone') })
  readonly #streams: { camera?: MediaStream; microphone?: MediaStream } = {}
  readonly #stop = new AbortController()
  #audio: AudioContext | undefined

  constructor() {
    this.#video.muted = true
    this.element = el('section', { class: 'preview', 'aria-label': 'Camera and microphone' },
      el('div', { class: 'mirror' }, this.#video, this.#note, el('div', { class: 'rounds' }, this.#microphoneButton, this.#cameraButton)),
      el('div', { class: 'devices' },
        el('div', { class: 'field' }, el('label', { for: 'camera' }, 'Camera'), this.#cameras),
        el('div', { class: 'field' }, el('label', { for: 'microphone' }, 'Microphone'), this.#microphones, this.#level)))
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.#list(), { signal: this.#stop.signal })
    this.#draw()
  }

  /** Turns on what is chosen. A device that can't be had leaves the other alone. */
  async start(): Promise<void> {
    if (!navigator.mediaDevices) {
      this.choice.camera = this.choice.microphone = false
      this.#draw('Browsers give camera and microphone to pages on HTTPS or localhost alone. You can join and watch.')
      return
    }
    // One question of the browser for both, where both are wanted.
    const { camera, microphone } = this.choice
    if (camera && microphone) {
      try {
        const both = await navigator.mediaDevices.getUserMedia({ video: this.#wish('camera'), audio: this.#wish('microphone') })
        this.#keep('camera', new MediaStream(both.getVideoTracks()))
        this.#keep('microphone', new MediaStream(both.getAudioTracks()))
        await this.#list()
        return this.#draw()
      } catch {
        // One of them is missing or refused; each alone says which.
      }
    }
    for (const kind of ['camera', 'microphone'] as const) if (this.choice[kind]) await this.#open(kind)
    await this.#list()
  }

  /** Lets go of camera and microphone, so that the session can have them, and remembers the choice. */
  close(): void {
    this.#stop.abort()
    this.#drop('camera')
    this.#drop('microphone')
    try {
      localStorage.setItem(remembered, JSON.stringify(this.choice))
    } catch { /* then it is asked again the next time */ }
  }

  #wish(kind: 'camera' | 'microphone'): MediaTrackConstraints {
    const id = kind === 'camera' ? this.choice.cameraId : this.choice.microphoneId
    return { ...(id ? { deviceId: { ideal: id } } : {}), ...(kind === 'camera' ? { width: { ideal: 1280 }, height: { ideal: 720 } } : {}) }
  }

  async #open(kind: 'camera' | 'microphone'): Promise<void> {
    this.#drop(kind)
    try {
      const stream = await navigator.mediaDevices.getUserMedia(kind === 'camera' ? { video: this.#wish(kind) } : { audio: this.#wish(kind) })
      this.#keep(kind, stream)
      this.#draw()
    } catch (e) {
      this.choice[kind] = false
      this.#draw(trouble(kind, e))
    }
  }

  #keep(kind: 'camera' | 'microphone', stream: MediaStream): void {
    if (this.#stop.signal.aborted) return stream.getTracks().forEach(t => t.stop())
    this.#streams[kind] = stream
    if (kind === 'camera') this.#video.srcObject = stream
    else this.#measure(stream)
  }

  #drop(kind: 'camera' | 'microphone'): void {
    this.#streams[kind]?.getTracks().forEach(t => t.stop())
    delete this.#streams[kind]
    if (kind === 'camera') this.#video.srcObject = null
    else {
      void this.#audio?.close()
      this.#audio = undefined
      this.#level.style.setProperty('--level', '0')
    }
  }

  async #toggle(kind: 'camera' | 'microphone'): Promise<void> {
    this.choice[kind] = !this.choice[kind]
    if (this.choice[kind]) {
      await this.#open(kind)
      await this.#list()
    } else {
      this.#drop(kind)
      this.#draw()
    }
  }

  #choose(kind: 'camera' | 'microphone'): void {
    if (kind === 'camera') this.choice.cameraId = this.#cameras.value
    else this.choice.microphoneId = this.#microphones.value
    this.choice[kind] = true
    void this.#open(kind)
  }

  async #list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices()
    const fill = (select: HTMLSelectElement, kind: MediaDeviceKind, word: string, chosen: string) => {
      const found = all.filter(d => d.kind === kind && d.deviceId !== '')
      select.replaceChildren(...found.map((d, i) => el('option', { value: d.deviceId, selected: d.deviceId === chosen }, d.label || `${word} ${i + 1}`)))
      select.disabled = found.length === 0
      if (found.length === 0) select.append(el('option', { value: '' }, `No ${word.toLowerCase()} yet`))
    }
    fill(this.#cameras, 'videoinput', 'Camera', this.choice.cameraId)
    fill(this.#microphones, 'audioinput', 'Microphone', this.choice.microphoneId)
  }

  #draw(note = ''): void {
    const button = (b: HTMLButtonElement, on: boolean, word: string, onIcon: Icon, offIcon: Icon) => {
      b.setAttribute('aria-pressed', String(on))
      b.setAttribute('title', `Turn ${word} ${on ? 'off' : 'on'}`)
      b.classList.toggle('off', !on)
      b.replaceChildren(icon(on ? onIcon : offIcon), unseen(word[0]!.toUpperCase() + word.slice(1)))
    }
    button(this.#microphoneButton, this.choice.microphone, 'microphone', 'mic', 'micOff')
    button(this.#cameraButton, this.choice.camera, 'camera', 'camera', 'cameraOff')
    this.#note.textContent = note || (this.choice.camera ? '' : 'Your camera is off')
  }

  /** Shows how loud it is, so that nobody joins with a dead microphone. */
  #measure(stream: MediaStream): void {
    const audio = (this.#audio = new AudioContext())
    const ear = audio.createAnalyser()
    ear.fftSize = 512
    audio.createMediaStreamSource(stream).connect(ear)
    const samples = new Float32Array(ear.fftSize)
    const look = () => {
      if (audio !== this.#audio || this.#stop.signal.aborted) return
      ear.getFloatTimeDomainData(samples)
      const loud = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)
      this.#level.style.setProperty('--level', Math.min(1, loud * 6).toFixed(2))
      requestAnimationFrame(look)
    }
    look()
  }
}

function trouble(kind: string, e: unknown): string {
  const name = e instanceof Error ? e.name : ''
  if (name === 'NotAllowedError') return `The browser doesn’t let this page use the ${kind}. You can allow it in the address bar.`
  if (name === 'NotFoundError') return `No ${kind} was found.`
  return `The ${kind} can’t be used; another program may have it.`
}

function recall(): Partial<Choice> {
  try {
    return JSON.parse(localStorage.getItem(remembered) ?? '{}') as Partial<Choice>
  } catch {
    return {}
  }
}
