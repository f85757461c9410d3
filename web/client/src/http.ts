import { UsherError, type Problem } from './errors.js'

export interface Call {
  method?: 'GET' | 'POST'
  body?: unknown
  /** Ticket or other bearer token. */
  bearer?: string | undefined
  headers?: Record<string, string>
  /** Milliseconds. */
  timeout: number
  signal?: AbortSignal | undefined
}

/**
 * Sends one request and returns the JSON of its answer. Whatever goes wrong is
 * an UsherError, and it ends within the time-out, body included.
 */
export async function send<T>(url: string, call: Call): Promise<T> {
  const deadline = AbortSignal.timeout(call.timeout)
  const signal = call.signal ? AbortSignal.any([call.signal, deadline]) : deadline
  let status = 0
  try {
    const headers: Record<string, string> = { Accept: 'application/json', ...call.headers }
    if (call.body !== undefined) headers['Content-Type'] = 'application/json'
    if (call.bearer) headers['Authorization'] = `Bearer ${call.bearer}`
    const answer = await fetch(url, {
      method: call.method ?? 'POST',
      headers,
      signal,
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    })
    status = answer.status
    const text = await answer.text()
    if (answer.ok) return (text === '' ? undefined : JSON.parse(text)) as T
    throw refusal(answer, text)
  } catch (e) {
    if (e instanceof UsherError) throw e
    if (call.signal?.aborted) throw aborted(call.signal)
    if (deadline.aborted) throw new UsherError('timeout', 'timeout', 'Usher did not answer in time.', { detail: `${call.timeout / 1000} s have passed.`, status, cause: e })
    if (status !== 0) throw new UsherError('network', 'bad_answer', 'What answered is not Usher, or something in between changed the answer.', { status, cause: e })
    throw new UsherError('network', 'unreachable', 'Usher could not be reached.', { detail: 'Check the connection, and whether Usher lets pages of this address ask (its setting origins).', cause: e })
  }
}

/** The error of a call that its AbortSignal ended. */
export function aborted(signal: AbortSignal): UsherError {
  return new UsherError('aborted', 'aborted', 'It was cancelled.', { cause: signal.reason })
}

function refusal(answer: Response, text: string): UsherError {
  let problem: Problem
  try {
    problem = JSON.parse(text) as Problem
  } catch (e) {
    return new UsherError('network', 'bad_answer', `The server answered ${answer.status} without saying why.`, { status: answer.status, cause: e })
  }
  const after = Number(answer.headers.get('Retry-After') ?? NaN)
  const faults = (problem.errors ?? []).map(f => `${f.property} ${f.reason}`).join('; ')
  return new UsherError('refused', problem.code ?? byStatus(answer.status), problem.title ?? 'Usher refused.', {
    detail: problem.detail ?? faults,
    status: answer.status,
    retryAfterSeconds: Number.isFinite(after) ? after : undefined,
    problem,
  })
}

// The drop-in endpoint answers {"errors":[…]} without a code, as the sample it stands in for does.
function byStatus(status: number): string {
  switch (status) {
    case 401: return 'unauthenticated'
    case 403: return 'forbidden'
    case 429: return 'too_many_requests'
    case 503: return 'unavailable'
    default: return 'invalid'
  }
}

/** Waits, and throws when the signal ends it. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal))
    const stop = () => {
      clearTimeout(timer)
      reject(aborted(signal!))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
