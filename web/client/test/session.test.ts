import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeRoom, admitted, fakeUsher, info, problem, roster, type Answer } from './fakes.ts'

vi.mock('livekit-client', async original => ({ ...(await original<object>()), Room: FakeRoom }))
const { createClient } = await import('../src/index.js')
const { DisconnectReason } = await import('livekit-client')

const ada = { topic: 'Cool Cars', signature: 'sig', userName: 'Ada' }
const ok: Record<string, Answer | Answer[]> = { 'POST /v1/join': { body: admitted() }, 'GET /v1/room': { body: roster() }, 'POST /v1/room/actions': { status: 204 } }

async function start(routes = ok, options: object = {}) {
  const asked = fakeUsher(routes)
  const session = await createClient({ url: 'https://usher.test' }).join({ ...ada, ...options })
  await vi.advanceTimersByTimeAsync(0)
  const heard: [string, unknown][] = []
  for (const name of ['connection-change', 'user-added', 'user-updated', 'user-removed', 'peer-video-state-change', 'peer-share-state-change', 'active-share-change', 'active-speaker', 'waiting-room-change', 'session-change'] as const) {
    session.on(name, payload => heard.push([name, payload]))
  }
  return { asked, session, room: FakeRoom.last, heard, of: (name: string) => heard.filter(h => h[0] === name).map(h => h[1]) }
}

beforeEach(() => {
  vi.useFakeTimers()
  FakeRoom.connects = []
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('participants', () => {
  test('come, change and go', async () => {
    const { session, room, of } = await start()
    const bob = room.enter('bob', 'Bob')
    expect(of('user-added')).toEqual([[expect.objectContaining({ userId: 'bob', displayName: 'Bob', role: 'participant', bVideoOn: false, muted: true, isSelf: false })]])
    bob.isCameraEnabled = true
    room.emit('trackUnmuted', {}, bob)
    room.emit('trackUnmuted', {}, bob) // nothing new: nothing told
    expect(of('user-updated')).toEqual([[{ userId: 'bob', bVideoOn: true }]])
    expect(of('peer-video-state-change')).toEqual([{ action: 'Start', userId: 'bob' }])
    expect(session.participants.map(p => p.userId)).toEqual(['ada', 'bob'])
    room.exit('bob')
    expect(of('peer-video-state-change')[1]).toEqual({ action: 'Stop', userId: 'bob' })
    expect(of('user-removed')).toEqual([[{ userId: 'bob', displayName: 'Bob' }]])
    expect(session.participants.map(p => p.userId)).toEqual(['ada'])
    await session.leave()
  })

  test('screens that are shared are told', async () => {
    const { session, room, of } = await start()
    const bob = room.enter('bob', 'Bob')
    bob.isScreenShareEnabled = true
    room.emit('trackPublished', {}, bob)
    bob.isScreenShareEnabled = false
    room.emit('trackUnpublished', {}, bob)
    expect(of('active-share-change')).toEqual([{ state: 'Active', userId: 'bob' }, { state: 'Inactive' }])
    expect(of('peer-share-state-change')).toEqual([{ action: 'Start', userId: 'bob' }, { action: 'Stop', userId: 'bob' }])
    await session.leave()
  })

  test('speakers are told by name', async () => {
    const { session, room, of } = await start()
    room.emit('activeSpeakersChanged', [room.enter('bob', 'Bob')])
    expect(of('active-speaker')).toEqual([[{ userId: 'bob', displayName: 'Bob' }]])
    await session.leave()
  })

  test('a role that the gate changed is told', async () => {
    const cohosts = roster()
    cohosts.participants[1] = { ...cohosts.participants[1]!, role: 'host', cohost: true }
    const { session, room, of } = await start({ ...ok, 'GET /v1/room': [{ body: roster() }, { body: cohosts }] })
    const bob = room.enter('bob', 'Bob')
    room.emit('participantMetadataChanged', '', bob)
    await vi.advanceTimersByTimeAsync(200)
    expect(of('user-updated')).toEqual([[{ userId: 'bob', role: 'host', isManager: true }]])
    await session.leave()
  })

  test('a listener that throws harms nobody, and one that is off hears nothing', async () => {
    const { session, room, of } = await start()
    vi.stubGlobal('reportError', vi.fn())
    session.on('user-added', () => { throw new Error('mine') })
    const never = vi.fn()
    session.on('user-added', never)()
    const once = vi.fn()
    session.once('user-added', once)
    session.on('user-added', () => {})
    room.enter('bob', 'Bob')
    room.enter('eve', 'Eve')
    expect(of('user-added')).toHaveLength(2)
    expect(never).not.toHaveBeenCalled()
    expect(once).toHaveBeenCalledOnce()
    expect(reportError).toHaveBeenCalledTimes(2)
    await session.leave()
  })
})

describe('media', () => {
  test('camera, microphone and screen', async () => {
    const { session, room } = await start()
    const me = room.localParticipant
    await session.startVideo({ deviceId: 'cam2' })
    expect(me.setCameraEnabled).toHaveBeenLastCalledWith(true, { deviceId: 'cam2' })
    expect(session.self.bVideoOn).toBe(true)
    await session.startAudio({ deviceId: 'mic2' })
    await session.mute()
    expect(me.setMicrophoneEnabled).toHaveBeenLastCalledWith(false)
    await session.unmute()
    expect(me.setMicrophoneEnabled).toHaveBeenLastCalledWith(true, { deviceId: 'mic2' })
    await session.shareScreen()
    await session.stopShareScreen()
    expect(me.setScreenShareEnabled.mock.calls).toEqual([[true], [false]])
    await session.leave()
  })

  test.each([['NotAllowedError', 'permission_denied'], ['NotFoundError', 'no_device'], ['NotReadableError', 'device_in_use'], ['Error', 'media_failed']])('%s is %s', async (name, code) => {
    const { session, room } = await start()
    room.localParticipant.setCameraEnabled.mockRejectedValueOnce(Object.assign(new Error('x'), { name }))
    await expect(session.startVideo()).rejects.toMatchObject({ type: 'media', code })
    await session.leave()
  })
})

describe('hosts', () => {
  test('ask the gate, with the ticket', async () => {
    const { session, asked } = await start()
    await session.admit('w1')
    await session.admitAll()
    await session.deny('w2')
    await session.remove('bob')
    await session.lock()
    await session.unlock()
    await session.mute('bob')
    await session.muteAll()
    await session.makeCohost('bob')
    await session.leave(true)
    const actions = asked.filter(r => r.path === '/v1/room/actions')
    expect(actions.map(a => a.body)).toEqual([
      { action: 'admit', user: 'w1' }, { action: 'admit-all' }, { action: 'deny', user: 'w2' }, { action: 'remove', user: 'bob' }, { action: 'lock' },
      { action: 'unlock' }, { action: 'mute', user: 'bob' }, { action: 'mute-all' }, { action: 'make-cohost', user: 'bob' }, { action: 'end' },
    ])
    expect(new Set(actions.map(a => a.bearer))).toEqual(new Set(['Bearer ticket-1']))
  })

  test('who may not is told so', async () => {
    const { session } = await start({ ...ok, 'POST /v1/room/actions': problem('wrong_role') })
    await expect(session.lock()).rejects.toMatchObject({ type: 'refused', code: 'wrong_role' })
    await session.leave()
  })

  test('see within seconds who waits', async () => {
    const open = { ...info, waitingRoom: true }
    const eve = { id: 'w1', name: 'Eve', since: '2026-11-23T10:00:00Z' }
    const { session, of } = await start({ ...ok, 'POST /v1/join': { body: admitted({ session: open }) }, 'GET /v1/room': [{ body: roster({ session: open }) }, { body: roster({ session: open, waiting: [eve] }) }] })
    await vi.advanceTimersByTimeAsync(2100)
    expect(of('waiting-room-change')).toEqual([[eve]])
    expect(session.waiting).toEqual([eve])
    await session.leave()
  })
})

describe('the end', () => {
  test.each([
    [DisconnectReason.PARTICIPANT_REMOVED, 'removed'],
    [DisconnectReason.ROOM_DELETED, 'ended'],
    [DisconnectReason.DUPLICATE_IDENTITY, 'elsewhere'],
  ])('reason %s closes it: %s', async (reason, word) => {
    const { room, of, asked } = await start()
    room.emit('disconnected', reason)
    await vi.advanceTimersByTimeAsync(0)
    expect(of('connection-change')).toEqual([{ state: 'Closed', reason: word }])
    const sofar = asked.length
    await vi.advanceTimersByTimeAsync(300_000)
    expect(asked.length).toBe(sofar) // nothing goes on behind it
  })

  test('leaving is told once, and works when ending was refused', async () => {
    const { session, of } = await start({ ...ok, 'POST /v1/room/actions': problem('wrong_role') })
    await expect(session.leave(true)).rejects.toMatchObject({ code: 'wrong_role' })
    await session.leave()
    expect(of('connection-change')).toEqual([{ state: 'Closed', reason: 'left' }])
  })
})

describe('reconnecting', () => {
  const again = { body: admitted({ ticket: undefined, room: { url: 'ws://room', token: 'token-2' } }) }
  const lost = DisconnectReason.SERVER_SHUTDOWN

  test('a short loss that the room heals itself is told, and no more', async () => {
    const { room, of, asked, session } = await start()
    room.emit('reconnecting')
    room.emit('reconnected')
    expect(of('connection-change')).toEqual([{ state: 'Reconnecting' }, { state: 'Connected' }])
    expect(asked.some(r => r.path === '/v1/join/renew')).toBe(false)
    await session.leave()
  })

  test('enters anew by the gate, and starts camera and microphone again', async () => {
    const { session, room, of, asked } = await start({ ...ok, 'POST /v1/join/renew': again })
    await session.startVideo({ deviceId: 'cam2' })
    await session.startAudio()
    room.enter('bob', 'Bob')
    room.remoteParticipants.clear() // as the room does when it gives up
    room.emit('disconnected', lost)
    await vi.advanceTimersByTimeAsync(100)
    expect(of('connection-change')).toEqual([{ state: 'Reconnecting' }, { state: 'Connected' }])
    expect(asked.find(r => r.path === '/v1/join/renew')).toMatchObject({ bearer: 'Bearer ticket-1', body: { signature: 'sig' } })
    expect(room.connected.at(-1)).toEqual({ url: 'ws://room', token: 'token-2' })
    expect(room.localParticipant.setCameraEnabled).toHaveBeenLastCalledWith(true, { deviceId: 'cam2' })
    expect(room.localParticipant.setMicrophoneEnabled).toHaveBeenCalledTimes(2)
    expect(of('user-removed')).toEqual([[{ userId: 'bob', displayName: 'Bob' }]])
    await session.leave()
  })

  test('asks for a fresh signature when the old one has expired', async () => {
    const freshSignature = vi.fn(async () => 'sig-2')
    const { session, of, asked } = await start({ ...ok, 'POST /v1/join/renew': [problem('expired'), again] }, { freshSignature })
    FakeRoom.last.emit('disconnected', lost)
    await vi.advanceTimersByTimeAsync(100)
    expect(asked.filter(r => r.path === '/v1/join/renew').map(r => r.body.signature)).toEqual(['sig', 'sig-2'])
    expect(freshSignature).toHaveBeenCalledOnce()
    expect(of('connection-change').at(-1)).toEqual({ state: 'Connected' })
    await session.leave()
  })

  test('fails with the reason when there is no fresh signature', async () => {
    const { of } = await start({ ...ok, 'POST /v1/join/renew': problem('expired') })
    FakeRoom.last.emit('disconnected', lost)
    await vi.advanceTimersByTimeAsync(100)
    expect(of('connection-change').at(-1)).toMatchObject({ state: 'Fail', reason: 'expired', error: { type: 'refused', code: 'expired' } })
  })

  test('keeps trying while gate and room are away, and not for ever', async () => {
    const away: Answer = { status: 503, body: { code: 'unavailable' } }
    const first = await start({ ...ok, 'POST /v1/join/renew': [away, 'unreachable', again] })
    FakeRoom.connects = [async () => { throw new Error('down') }, async () => {}]
    first.room.emit('disconnected', lost)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(first.of('connection-change')).toEqual([{ state: 'Reconnecting' }, { state: 'Connected' }])
    await first.session.leave()

    const second = await start({ ...ok, 'POST /v1/join/renew': away }, { reconnectTimeout: 60_000 })
    second.room.emit('disconnected', lost)
    await vi.advanceTimersByTimeAsync(61_000)
    expect(second.of('connection-change').at(-1)).toMatchObject({ state: 'Fail', reason: 'unavailable' })
  })

  test('who was removed meanwhile is told so', async () => {
    const { of } = await start({ ...ok, 'POST /v1/join/renew': problem('removed') })
    FakeRoom.last.emit('disconnected', lost)
    await vi.advanceTimersByTimeAsync(100)
    expect(of('connection-change').at(-1)).toEqual({ state: 'Closed', reason: 'removed' })
  })

  test('stops when the user leaves', async () => {
    const { session, asked, of } = await start({ ...ok, 'POST /v1/join/renew': 'unreachable' })
    FakeRoom.last.emit('disconnected', lost)
    await vi.advanceTimersByTimeAsync(3000)
    await session.leave()
    const sofar = asked.length
    await vi.advanceTimersByTimeAsync(100_000)
    expect(asked.length).toBe(sofar)
    expect(of('connection-change').at(-1)).toEqual({ state: 'Closed', reason: 'left' })
  })
})
