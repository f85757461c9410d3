import { UsherError } from './errors.js'
import { Gate, isPassing, type FreshSignature, type Role, type Self, type SessionInfo } from './gate.js'
import { guestSecret } from './guest.js'
import { aborted, send } from './http.js'
import { Session, connectRoom } from './session.js'

export interface ClientOptions {
  /** Where Usher is, such as `https://usher.example.com`; the page's own origin if left out. */
  url?: string
  /** The bearer token (of your OpenID provider, for example) that `signature` and `invite` send. Never an API key: pages keep no secrets. */
  token?: string | (() => string | Promise<string>)
  /** Milliseconds that one request to Usher may take; 15,000 if left out. */
  requestTimeout?: number
}

export interface SignatureOptions {
  sessionName: string
  sessionPasscode?: string
  /** 1 or `host`, 0 or `participant`; participant if left out. */
  role?: 0 | 1 | Role
  /** Your own id of the user, at most 36 characters. */
  userKey?: string
  /** Your own id of the session, at most 36 characters. */
  sessionKey?: string
  /** Life of the signature in seconds, 1,800 to 172,800. */
  expirationSeconds?: number
}

export interface Signed {
  signature: string
  /** Seconds since 1970 when it can no longer be used. */
  expiresAt: number
  role?: 0 | 1
}

export interface Redeemed {
  signature: string
  sessionName: string
  /** The passcode to join with, where the session has one. */
  passcode?: string
  role: Role
  expiresAt: string
}

export interface JoinOptions {
  /** The session's name; must be the one that was signed, upper or lower case. */
  topic: string
  /** A signature, or a function that gets one: it is called again when coming back takes a fresh one. */
  signature: string | FreshSignature
  /** What the others see. */
  userName: string
  password?: string | undefined
  /** Called when a reconnect finds that the signature has expired. Without it (and with a plain `signature`) the session then fails with `expired`. */
  freshSignature?: FreshSignature
  /** Called once if there is a waiting room and you are in it. */
  onWaiting?: () => void
  /** Milliseconds until join gives up, without the time in the waiting room; 30,000 if left out. */
  timeout?: number
  /** Milliseconds in the waiting room until join gives up; an hour if left out. */
  waitTimeout?: number
  /** Milliseconds that a lost connection is tried to be had again; 120,000 if left out. */
  reconnectTimeout?: number
  /** Ends joining at any moment, also in the waiting room. */
  signal?: AbortSignal
}

/** What goes in for an invite that others shall redeem. */
export interface InviteOptions {
  session: string
  role?: Role
  /** How many guests it lets in; 0 is any number. */
  uses?: number
  expirationSeconds?: number
}

/** Talks to one Usher. */
export interface Client {
  /** Gets a signature from Usher itself. In production your server asks Usher, with its API key, and hands the signature to the page. */
  signature(options: SignatureOptions, signal?: AbortSignal): Promise<Signed>
  /** Turns the code of an invite into a guest's signature. The same browser stays the same guest. */
  redeem(code: string, name?: string, signal?: AbortSignal): Promise<Redeemed>
  /** Makes an invite, for callers who may. */
  invite(options: InviteOptions, signal?: AbortSignal): Promise<{ code: string; expiresAt: string }>
  /** Enters a session. It settles in any case: with a Session or an UsherError. */
  join(options: JoinOptions): Promise<Session>
  /** The same with the parameters in the order that Zoom's web SDK has. */
  join(topic: string, signature: string | FreshSignature, userName: string, password?: string): Promise<Session>
}

const second = 1000
const minute = 60 * second

/** Returns a client of the Usher at options.url. */
export function createClient(options: ClientOptions = {}): Client {
  const base = (options.url ?? location.origin).replace(/\/+$/, '')
  const requestTimeout = options.requestTimeout ?? 15 * second
  const bearer = async () => (typeof options.token === 'function' ? options.token() : options.token)

  return {
    async signature({ role, ...rest }, signal) {
      required('sessionName', rest.sessionName)
      const body = { ...rest, role: role === 1 || role === 'host' ? 1 : 0 }
      return send<Signed>(`${base}/`, { body, bearer: await bearer(), timeout: requestTimeout, signal })
    },

    async redeem(code, name, signal) {
      required('code', code)
      const body = { code, guest: guestSecret(), ...(name ? { name } : {}) }
      return send<Redeemed>(`${base}/v1/invites/redeem`, { body, timeout: requestTimeout, signal })
    },

    async invite(invite, signal) {
      required('session', invite.session)
      return send(`${base}/v1/invites`, { body: invite, bearer: await bearer(), timeout: requestTimeout, signal })
    },

    join(first: JoinOptions | string, signature?: string | FreshSignature, userName?: string, password?: string) {
      return join(new Gate(base, requestTimeout), typeof first === 'string' ? { topic: first, signature: signature!, userName: userName!, password } : first)
    },
  }
}

async function join(gate: Gate, o: JoinOptions): Promise<Session> {
  required('topic', o.topic)
  required('userName', o.userName)
  if (typeof o.signature !== 'function') required('signature', o.signature)
  if (o.signal?.aborted) throw aborted(o.signal)
  const timeout = o.timeout ?? 30 * second
  const fresh = o.freshSignature ?? (typeof o.signature === 'function' ? o.signature : undefined)

  // One clock for everything but the waiting room, so that no sum of patient parts makes an endless whole.
  let left = timeout
  const timed = async <T>(part: (ms: number) => Promise<T>): Promise<T> => {
    const began = Date.now()
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), left)
    try {
      return await orAborted(part(left), AbortSignal.any([deadline.signal, ...(o.signal ? [o.signal] : [])]), () =>
        o.signal?.aborted ? aborted(o.signal) : new UsherError('timeout', 'timeout', 'Joining took too long.', { detail: `${timeout / 1000} s have passed.` }))
    } finally {
      clearTimeout(timer)
      left = Math.max(1, left - (Date.now() - began))
    }
  }
  const ask = (signature: string) => timed(ms => gate.join({ topic: o.topic, signature, userName: o.userName, password: o.password || undefined }, ms, o.signal))

  let signature = typeof o.signature === 'function' ? await timed(o.signature) : o.signature
  required('signature', signature)
  let answer
  try {
    answer = await ask(signature)
  } catch (e) {
    // A page that stood open overnight has an old signature; that is no reason to bother its user.
    if (!(o.freshSignature && e instanceof UsherError && e.type === 'refused' && e.code === 'expired')) throw e
    signature = await timed(o.freshSignature)
    answer = await ask(signature)
  }
  if (answer.state === 'waiting') {
    o.onWaiting?.()
    answer = await gate.wait(answer, o.waitTimeout ?? 60 * minute, o.signal)
  }
  const admitted = answer
  const room = await timed(ms => connectRoom(admitted.room, ms, o.signal))
  return new Session(room, {
    gate, admitted, signature, fresh,
    rejoin: (ticket, s, signal) => rejoin(gate, o, ticket, s, signal),
    reconnectWithin: o.reconnectTimeout ?? 2 * minute,
  })
}

/** Another room token: by the ticket, or where the gate has forgotten it, by joining anew. */
async function rejoin(gate: Gate, o: JoinOptions, ticket: string, signature: string, signal: AbortSignal) {
  let answer
  try {
    answer = await gate.renew(ticket, signature, signal)
  } catch (e) {
    if (isPassing(e) || !(e instanceof UsherError) || e.type !== 'refused' || e.code !== 'unauthenticated') throw e
    answer = await gate.join({ topic: o.topic, signature, userName: o.userName, password: o.password || undefined }, 15 * second, signal)
  }
  return answer.state === 'admitted' ? answer : gate.wait(answer, o.waitTimeout ?? 60 * minute, signal)
}

/** Settles as p does, or with the error of why as soon as the signal says so; p itself may go on unheard. */
function orAborted<T>(p: Promise<T>, signal: AbortSignal, why: () => UsherError): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(why())
    signal.addEventListener('abort', stop, { once: true })
    p.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

function required(name: string, value: unknown): void {
  if (typeof value !== 'string' || value.trim() === '') throw new UsherError('invalid-parameter', 'required', `${name} is missing.`, { detail: 'It must be a text that is not empty.' })
}

export type { Self, SessionInfo }
