import { EventEmitter } from 'node:events'
import { vi } from 'vitest'

/** One answer of the fake Usher: a status and what it says, or a function of the request. */
export type Answer = { status?: number; body?: unknown; headers?: Record<string, string> } | 'never' | 'unreachable'

export interface Asked {
  path: string
  method: string
  bearer: string | null
  body: any
}

/**
 * Stands in for Usher: routes by "METHOD /path"; each answer of a list serves
 * once, the last one from then on. Returns what was asked.
 */
export function fakeUsher(routes: Record<string, Answer | Answer[]>): Asked[] {
  const asked: Asked[] = []
  const left = new Map(Object.entries(routes).map(([k, v]) => [k, Array.isArray(v) ? [...v] : [v]]))
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const path = new URL(url).pathname
    const headers = new Headers(init.headers)
    asked.push({ path, method: init.method!, bearer: headers.get('Authorization'), body: init.body ? JSON.parse(init.body as string) : undefined })
    const answers = left.get(`${init.method} ${path}`)
    if (!answers) throw new Error(`no answer for ${init.method} ${path}`)
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!
    if (answer === 'unreachable') throw new TypeError('Failed to fetch')
    if (answer === 'never') {
      return new Promise((_, reject) => init.signal!.addEventListener('abort', () => reject(init.signal!.reason)))
    }
    const text = answer.body === undefined ? '' : typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
    return new Response(answer.status === 204 ? null : text, { status: answer.status ?? 200, headers: answer.headers ?? {} })
  })
  return asked
}

export const problem = (code: string, more: object = {}): Answer => ({ status: 403, body: { type: 't', title: `Title of ${code}.`, status: 403, code, ...more } })

export const info = { id: 's1', name: 'Cool Cars', waitingRoom: false, locked: false }

export const admitted = (more: object = {}) => ({
  state: 'admitted', ticket: 'ticket-1', room: { url: 'ws://room', token: 'token-1' }, session: info,
  user: { id: 'ada', name: 'Ada', role: 'host', cohost: false, userKey: 'u1' }, ...more,
})

export const roster = (more: object = {}) => ({
  session: info,
  participants: [
    { id: 'ada', name: 'Ada', role: 'host', cohost: false, joinedAt: '2026-11-23T10:00:00Z' },
    { id: 'bob', name: 'Bob', role: 'participant', cohost: false, joinedAt: '2026-11-23T10:00:01Z' },
  ],
  waiting: [], ...more,
})

/** A participant of the fake room, with what the library reads of one. */
export class FakeParticipant {
  isCameraEnabled = false
  isMicrophoneEnabled = false
  isScreenShareEnabled = false
  readonly trackPublications = new Map<string, any>()
  identity: string
  name: string
  isLocal: boolean
  setCameraEnabled = vi.fn(async (on: boolean, _options?: object) => { this.isCameraEnabled = on })
  setMicrophoneEnabled = vi.fn(async (on: boolean, _options?: object) => { this.isMicrophoneEnabled = on })
  setScreenShareEnabled = vi.fn(async (on: boolean) => { this.isScreenShareEnabled = on })

  constructor(identity: string, name: string, isLocal = false) {
    this.identity = identity
    this.name = name
    this.isLocal = isLocal
  }

  getTrackPublication(source: string) { return this.trackPublications.get(source) }
}

/** Stands in for livekit-client's Room. */
export class FakeRoom extends EventEmitter {
  static last: FakeRoom
  /** What connect does, per call; the last one from then on. */
  static connects: (() => Promise<void>)[] = []
  localParticipant = new FakeParticipant('ada', 'Ada', true)
  remoteParticipants = new Map<string, FakeParticipant>()
  canPlaybackAudio = true
  connected: { url: string; token: string }[] = []
  disconnects = 0

  constructor() {
    super()
    FakeRoom.last = this
  }

  async connect(url: string, token: string) {
    this.connected.push({ url, token })
    const next = FakeRoom.connects.length > 1 ? FakeRoom.connects.shift() : FakeRoom.connects[0]
    await next?.()
  }

  async disconnect() {
    this.disconnects++
    this.emit('disconnected', 1) // DisconnectReason.CLIENT_INITIATED
  }

  async startAudio() {}
  async switchActiveDevice() {}

  enter(id: string, name: string): FakeParticipant {
    const p = new FakeParticipant(id, name)
    this.remoteParticipants.set(id, p)
    this.emit('participantConnected', p)
    return p
  }

  exit(id: string) {
    const p = this.remoteParticipants.get(id)!
    this.remoteParticipants.delete(id)
    this.emit('participantDisconnected', p)
  }
}
