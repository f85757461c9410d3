/**
 * What kind of thing went wrong; it says who can do something about it.
 *
 * - `refused`: Usher said no; `code` says why.
 * - `invalid-parameter`: the call itself is wrong; nothing was sent.
 * - `timeout`: no answer in time.
 * - `aborted`: your AbortSignal or `leave()` ended it.
 * - `network`: Usher could not be reached, or answered nonsense.
 * - `room`: admitted, but the media server could not be entered.
 * - `media`: camera, microphone or screen could not be had.
 */
export type ErrorType = 'refused' | 'invalid-parameter' | 'timeout' | 'aborted' | 'network' | 'room' | 'media'

/** One fault of one field, as Usher names it. */
export interface Fault {
  property: string
  reason: string
}

/** A refusal as Usher sends it (RFC 9457), as far as it is read here. */
export interface Problem {
  type?: string
  title?: string
  status?: number
  detail?: string
  code?: string
  /** The number that Zoom's own clients show for this, where there is one. */
  zoomCode?: number
  errors?: Fault[]
  requestId?: string
}

interface More {
  detail?: string | undefined
  status?: number | undefined
  retryAfterSeconds?: number | undefined
  problem?: Problem | undefined
  cause?: unknown
}

/** The only error that this library throws. */
export class UsherError extends Error {
  override readonly name = 'UsherError'
  /** What kind of fault it is. */
  readonly type: ErrorType
  /** What exactly, in one stable word such as `expired`, `wrong_passcode` or `permission_denied`. */
  readonly code: string
  /** One sentence for people. */
  readonly reason: string
  /** More for people, or empty: by how much it is too late, for example. */
  readonly detail: string
  /** HTTP status of the answer; 0 where there was none. */
  readonly status: number
  /** The number that Zoom's own clients show for this, where there is one. */
  readonly zoomCode: number | undefined
  /** How long to wait before trying again, in seconds, where Usher says so. */
  readonly retryAfterSeconds: number | undefined
  /** The refusal as it came. */
  readonly problem: Problem | undefined

  constructor(type: ErrorType, code: string, reason: string, more: More = {}) {
    super(more.detail ? `${reason} ${more.detail}` : reason, more.cause === undefined ? undefined : { cause: more.cause })
    this.type = type
    this.code = code
    this.reason = reason
    this.detail = more.detail ?? ''
    this.status = more.status ?? 0
    this.zoomCode = more.problem?.zoomCode
    this.retryAfterSeconds = more.retryAfterSeconds
    this.problem = more.problem
  }
}

/** Whether e is a refusal with one of the codes. */
export function isRefusal(e: unknown, ...codes: string[]): e is UsherError {
  return e instanceof UsherError && e.type === 'refused' && (codes.length === 0 || codes.includes(e.code))
}

/** Turns what getUserMedia and getDisplayMedia throw into an UsherError. */
export function mediaError(e: unknown, what: string): UsherError {
  const name = e instanceof Error ? e.name : ''
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new UsherError('media', 'permission_denied', `The browser does not let this page use the ${what}.`, { cause: e })
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new UsherError('media', 'no_device', `There is no such ${what}.`, { cause: e })
    case 'NotReadableError':
    case 'AbortError':
      return new UsherError('media', 'device_in_use', `The ${what} can't be read; another program may be using it.`, { cause: e })
    default:
      return new UsherError('media', 'media_failed', `The ${what} could not be started.`, { detail: e instanceof Error ? e.message : String(e), cause: e })
  }
}
