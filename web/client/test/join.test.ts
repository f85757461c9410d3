import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeRoom, admitted, fakeUsher, problem, roster } from './fakes.ts'

vi.mock('livekit-client', async original => ({ ...(await original<object>()), Room: FakeRoom }))
const { createClient, UsherError } = await import('../src/index.js')

const client = createClient({ url: 'https://usher.test/' })
const ada = { topic: 'Cool Cars', signature: 'sig', userName: 'Ada', password: 'pw' }
const ok = { 'POST /v1/join': { body: admitted() }, 'GET /v1/room': { body: roster() } }

const failure = (p: Promise<unknown>) => p.then(() => { throw new Error('it succeeded') }, (e: unknown) => e as InstanceType<typeof UsherError>)

beforeEach(() => {
  vi.useFakeTimers()
  FakeRoom.connects = []
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('join', () => {
  test('takes an object, or the parameters in Zoom’s order, and sends the same', async () => {
    const asked = fakeUsher(ok)
    const a = await client.join(ada)
    const b = await client.join('Cool Cars', 'sig', 'Ada', 'pw')
    const joins = asked.filter(r => r.path === '/v1/join')
    expect(joins.map(j => j.body)).toEqual([ada, ada])
    expect(FakeRoom.last.connected).toEqual([{ url: 'ws://room', token: 'token-1' }])
    expect(a.topic).toBe('Cool Cars')
    expect(b.self).toMatchObject({ userId: 'ada', displayName: 'Ada', isHost: true, isSelf: true, role: 'host' })
    await a.leave()
    await b.leave()
  })

  test.each([
    ['topic', { ...ada, topic: ' ' }],
    ['signature', { ...ada, signature: '' }],
    ['userName', { ...ada, userName: '' }],
  ])('names a missing %s before anything is sent', async (name, options) => {
    const asked = fakeUsher(ok)
    const e = await failure(client.join(options))
    expect(e).toMatchObject({ type: 'invalid-parameter', code: 'required' })
    expect(e.message).toContain(name)
    expect(asked).toEqual([])
  })

  test.each(['bad_signature', 'expired', 'not_yet_valid', 'wrong_session', 'wrong_passcode', 'wrong_role', 'removed', 'locked', 'full', 'ended'])('rejects with the code %s', async code => {
    fakeUsher({ 'POST /v1/join': problem(code, { detail: 'Two hours ago.', zoomCode: 3004 }) })
    const e = await failure(client.join(ada))
    expect(e).toBeInstanceOf(UsherError)
    expect(e).toMatchObject({ type: 'refused', code, reason: `Title of ${code}.`, detail: 'Two hours ago.', status: 403, zoomCode: 3004 })
  })

  test('says how long to wait where Usher does', async () => {
    fakeUsher({ 'POST /v1/join': { status: 429, headers: { 'Retry-After': '7' }, body: { title: 'Slow.', code: 'too_many_requests' } } })
    expect(await failure(client.join(ada))).toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 7 })
  })

  test('tells an unreachable server from one that is not Usher', async () => {
    fakeUsher({ 'POST /v1/join': ['unreachable', { status: 200, body: '<html>' }, { status: 502, body: '<html>' }] })
    expect(await failure(client.join(ada))).toMatchObject({ type: 'network', code: 'unreachable', status: 0 })
    expect(await failure(client.join(ada))).toMatchObject({ type: 'network', code: 'bad_answer', status: 200 })
    expect(await failure(client.join(ada))).toMatchObject({ type: 'network', code: 'bad_answer', status: 502 })
  })

  test('ends by itself when the gate does not answer', async () => {
    vi.useRealTimers() // AbortSignal.timeout runs on a clock of its own
    fakeUsher({ 'POST /v1/join': 'never' })
    expect(await failure(client.join({ ...ada, timeout: 40 }))).toMatchObject({ type: 'timeout', code: 'timeout' })
  })

  test('ends by itself when the room does not answer, and lets go of it', async () => {
    fakeUsher(ok)
    FakeRoom.connects = [() => new Promise(() => {})]
    const e = failure(client.join({ ...ada, timeout: 5000 }))
    await vi.advanceTimersByTimeAsync(5001)
    expect((await e).type).toBe('timeout')
    expect(FakeRoom.last.disconnects).toBe(1)
  })

  test('says that the room failed, not Usher', async () => {
    fakeUsher(ok)
    FakeRoom.connects = [async () => { throw new Error('no ICE') }]
    expect(await failure(client.join(ada))).toMatchObject({ type: 'room', code: 'room_unreachable', detail: 'no ICE' })
  })

  test('can be cancelled before, while asking, and while connecting', async () => {
    fakeUsher(ok)
    expect(await failure(client.join({ ...ada, signal: AbortSignal.abort() }))).toMatchObject({ type: 'aborted' })

    fakeUsher({ 'POST /v1/join': 'never' })
    const asking = new AbortController()
    const first = failure(client.join({ ...ada, signal: asking.signal }))
    await vi.advanceTimersByTimeAsync(10)
    asking.abort()
    expect(await first).toMatchObject({ type: 'aborted' })

    fakeUsher(ok)
    FakeRoom.connects = [() => new Promise(() => {})]
    const connecting = new AbortController()
    const second = failure(client.join({ ...ada, signal: connecting.signal }))
    await vi.advanceTimersByTimeAsync(10)
    connecting.abort()
    expect(await second).toMatchObject({ type: 'aborted' })
    expect(FakeRoom.last.disconnects).toBe(1)
  })

  test('gets a fresh signature by itself when the one at hand has expired', async () => {
    const asked = fakeUsher({ ...ok, 'POST /v1/join': [problem('expired'), { body: admitted() }] })
    const session = await client.join({ ...ada, freshSignature: async () => 'sig-2' })
    expect(asked.filter(r => r.path === '/v1/join').map(r => r.body.signature)).toEqual(['sig', 'sig-2'])
    await session.leave()
  })

  test('takes a function for the signature', async () => {
    const asked = fakeUsher(ok)
    const session = await client.join({ ...ada, signature: async () => 'made' })
    expect(asked[0]!.body.signature).toBe('made')
    await session.leave()
  })
})

describe('waiting room', () => {
  const waits = { body: { state: 'waiting', ticket: 'ticket-w', retryAfterSeconds: 2 } }
  // The gate tells a ticket once, in the answer to join.
  const still = { body: { state: 'waiting', retryAfterSeconds: 2 } }
  const letIn = { body: admitted({ ticket: undefined }) }

  test('asks at the pace that the gate wants, until admitted', async () => {
    const asked = fakeUsher({ ...ok, 'POST /v1/join': waits, 'POST /v1/join/poll': [still, still, letIn] })
    const onWaiting = vi.fn()
    const joining = client.join({ ...ada, onWaiting })
    await vi.advanceTimersByTimeAsync(1900)
    expect(onWaiting).toHaveBeenCalledOnce()
    expect(asked.filter(r => r.path === '/v1/join/poll')).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(4200)
    const session = await joining
    const polls = asked.filter(r => r.path === '/v1/join/poll')
    expect(polls).toHaveLength(3)
    expect(polls.map(p => p.bearer)).toEqual(Array(3).fill('Bearer ticket-w'))
    expect(asked.find(r => r.path === '/v1/room')!.bearer).toBe('Bearer ticket-w')
    await session.leave()
  })

  test('keeps the place while the network is away', async () => {
    fakeUsher({ ...ok, 'POST /v1/join': waits, 'POST /v1/join/poll': ['unreachable', { status: 503, body: { code: 'unavailable' } }, { body: admitted() }] })
    const joining = client.join(ada)
    await vi.advanceTimersByTimeAsync(10_000)
    await (await joining).leave()
  })

  test('ends when a host says no, and when nobody says anything', async () => {
    fakeUsher({ 'POST /v1/join': waits, 'POST /v1/join/poll': problem('waiting_denied') })
    const denied = failure(client.join(ada))
    await vi.advanceTimersByTimeAsync(2100)
    expect(await denied).toMatchObject({ type: 'refused', code: 'waiting_denied' })

    fakeUsher({ 'POST /v1/join': waits, 'POST /v1/join/poll': waits })
    const forgotten = failure(client.join({ ...ada, waitTimeout: 60_000 }))
    await vi.advanceTimersByTimeAsync(63_000)
    expect(await forgotten).toMatchObject({ type: 'timeout', code: 'not_admitted' })
  })

  test('can be left', async () => {
    fakeUsher({ 'POST /v1/join': waits, 'POST /v1/join/poll': waits })
    const stop = new AbortController()
    const joining = failure(client.join({ ...ada, signal: stop.signal }))
    await vi.advanceTimersByTimeAsync(5000)
    stop.abort()
    expect(await joining).toMatchObject({ type: 'aborted' })
  })
})

describe('signature, redeem and invite', () => {
  test('signature asks the drop-in endpoint with a numeric role', async () => {
    const asked = fakeUsher({ 'POST /': { body: { signature: 's', expiresAt: 1 } } })
    await client.signature({ sessionName: 'Cool Cars', role: 'host' })
    await createClient({ url: 'https://usher.test', token: async () => 'oidc' }).signature({ sessionName: 'Cool Cars' })
    expect(asked.map(r => [r.body.role, r.bearer])).toEqual([[1, null], [0, 'Bearer oidc']])
  })

  test('signature names the faults that the drop-in endpoint lists', async () => {
    fakeUsher({ 'POST /': { status: 401, body: { errors: [{ property: 'authorization', reason: 'is missing' }] } } })
    expect(await failure(client.signature({ sessionName: 'x' }))).toMatchObject({ code: 'unauthenticated', detail: 'authorization is missing' })
  })

  test('redeem keeps the same guest', async () => {
    localStorage.clear()
    const asked = fakeUsher({ 'POST /v1/invites/redeem': { body: { signature: 's', sessionName: 'Cool Cars', role: 'participant' } } })
    await client.redeem('code', 'Ada')
    await client.redeem('code', 'Ada')
    expect(asked[0]!.body.guest).toMatch(/^[0-9a-f]{32}$/)
    expect(asked[1]!.body).toEqual(asked[0]!.body)
  })

  test('redeem works where storing is forbidden', async () => {
    vi.stubGlobal('localStorage', { getItem: () => { throw new Error('denied') }, setItem: () => { throw new Error('denied') } })
    const asked = fakeUsher({ 'POST /v1/invites/redeem': { body: {} } })
    await client.redeem('code')
    await client.redeem('code')
    expect(asked[0]!.body.guest).toMatch(/^[0-9a-f]{32}$/)
    expect(asked[1]!.body.guest).toBe(asked[0]!.body.guest)
  })
})
