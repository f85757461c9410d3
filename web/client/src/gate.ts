import { UsherError } from './errors.js'
import { send, sleep } from './http.js'

/** A user's role in a session, as signed. */
export type Role = 'host' | 'participant'

/** What the gate says of the session. */
export interface SessionInfo {
  id: string
  name: string
  /** Whether those who are no hosts wait until a host admits them. */
  waitingRoom: boolean
  /** Whether nobody else gets in at present. */
  locked: boolean
}

/** What the gate says of the one who joined. */
export interface Self {
  id: string
  name: string
  role: Role
  cohost: boolean
  userKey?: string
}

/** Somebody in the session, as the gate knows them. */
export interface Entry {
  id: string
  name: string
  role: Role
  cohost: boolean
  joinedAt: string
}

/** Somebody who waits to be let in; only hosts are told. */
export interface Waiting {
  id: string
  name: string
  userKey?: string
  since: string
}

/** Who is in the session and who waits. */
export interface Roster {
  session: SessionInfo
  participants: Entry[]
  waiting: Waiting[]
}

/** What a host can ask for. */
export type Action = 'admit' | 'admit-all' | 'deny' | 'remove' | 'lock' | 'unlock' | 'end' | 'mute' | 'mute-all' | 'make-cohost'

export interface Admitted {
  state: 'admitted'
  ticket: string
  room: { url: string; token: string }
  session: SessionInfo
  user: Self
}

export interface Waits {
  state: 'waiting'
  ticket: string
  retryAfterSeconds: number
}

/** Asks for another signature of the same user and session. */
export type FreshSignature = () => Promise<string>

export interface Entrance {
  topic: string
  signature: string
  userName: string
  password?: string | undefined
}

/** Everything that is said to Usher's gate, in one place. */
export class Gate {
  readonly #base: string
  readonly #timeout: number

  constructor(base: string, timeout: number) {
    this.#base = base
    this.#timeout = timeout
  }

  join(entrance: Entrance, timeout: number, signal?: AbortSignal): Promise<Admitted | Waits> {
    return send(`${this.#base}/v1/join`, { body: entrance, timeout, signal })
  }

  /** Asks again and again until a host has decided, at the pace that the gate asks for. */
  async wait(place: Waits, within: number, signal?: AbortSignal): Promise<Admitted> {
    const end = Date.now() + within
    let unanswered = 0
    for (let at: Waits = place; ;) {
      await sleep(Math.max(0.25, at.retryAfterSeconds) * 1000, signal)
      if (Date.now() > end) throw new UsherError('timeout', 'not_admitted', 'Nobody has let you in.', { detail: `${Math.round(within / 60_000)} minutes have passed.` })
      try {
        const answer = await send<Admitted | Waits>(`${this.#base}/v1/join/poll`, { bearer: place.ticket, timeout: this.#timeout, signal })
        // The ticket is told once, at the door.
        if (answer.state === 'admitted') return { ...answer, ticket: place.ticket }
        at = { ...answer, ticket: place.ticket }
        unanswered = 0
      } catch (e) {
        // One who waits keeps the place when the network or one replica of Usher is away for a while.
        if (!isPassing(e) || ++unanswered > 10) throw e
        at = { ...at, retryAfterSeconds: Math.min(10, (e as UsherError).retryAfterSeconds ?? 2) }
      }
    }
  }

  async renew(ticket: string, signature: string, signal?: AbortSignal): Promise<Admitted | Waits> {
    return { ...await send<Admitted | Waits>(`${this.#base}/v1/join/renew`, { bearer: ticket, body: { signature }, timeout: this.#timeout, signal }), ticket }
  }

  roster(ticket: string, signal?: AbortSignal): Promise<Roster> {
    return send(`${this.#base}/v1/room`, { method: 'GET', bearer: ticket, timeout: this.#timeout, signal })
  }

  act(ticket: string, action: Action, user?: string): Promise<void> {
    return send(`${this.#base}/v1/room/actions`, { bearer: ticket, body: user === undefined ? { action } : { action, user }, timeout: this.#timeout })
  }
}

/** Whether trying again later may help. */
export function isPassing(e: unknown): boolean {
  return e instanceof UsherError && (e.type === 'network' || (e.type === 'timeout' && e.code === 'timeout') || e.type === 'room' || (e.type === 'refused' && (e.status >= 500 || e.status === 429)))
}
