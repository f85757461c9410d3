import { ConnectionError, ConnectionErrorReason, DisconnectReason, Room, RoomEvent, Track, type Participant as RoomParticipant } from 'livekit-client'
import { Emitter } from './emitter.js'
import { UsherError, mediaError } from './errors.js'
import { isPassing, type Action, type Admitted, type Entry, type FreshSignature, type Gate, type SessionInfo, type Waiting } from './gate.js'
import { aborted, sleep } from './http.js'
import { changes, view, type Participant } from './participants.js'
import { Stage } from './stage.js'

/** Why a session is over: you left, a host removed you, a host ended it, or you joined once more elsewhere. */
export type EndReason = 'left' | 'removed' | 'ended' | 'elsewhere'

export type ConnectionState =
  | { state: 'Connected' }
  | { state: 'Reconnecting' }
  | { state: 'Closed'; reason: EndReason }
  | { state: 'Fail'; reason: string; error: UsherError }

/** Events, named as users of Zoom's web SDK know them. */
export interface SessionEvents {
  'connection-change': ConnectionState
  'user-added': Participant[]
  'user-updated': (Partial<Participant> & { userId: string })[]
  'user-removed': { userId: string; displayName: string }[]
  'peer-video-state-change': { action: 'Start' | 'Stop'; userId: string }
  'peer-share-state-change': { action: 'Start' | 'Stop'; userId: string }
  'active-share-change': { state: 'Active'; userId: string } | { state: 'Inactive' }
  'active-speaker': { userId: string; displayName: string }[]
  /** The browser plays no sound before the user has touched the page; call `resumeAudio` from a click. */
  'auto-play-audio-failed': undefined
  'device-change': undefined
  /** Hosts alone are told who waits. */
  'waiting-room-change': Waiting[]
  /** The session was locked or unlocked, or its waiting room opened. */
  'session-change': SessionInfo
}

export interface CaptureOptions {
  /** Which camera or microphone; the browser's default if left out. */
  deviceId?: string
}

/** What a session needs of those who made it. */
export interface Origin {
  gate: Gate
  admitted: Admitted
  signature: string
  fresh: FreshSignature | undefined
  rejoin: (ticket: string, signature: string, signal: AbortSignal) => Promise<Admitted>
  reconnectWithin: number
}

// How often the gate is asked who is there, in milliseconds: hosts must see soon who waits, the others learn changes from the room.
const rosterFast = 2000
const rosterSlow = 20_000

/** A session that you are in. It is made by `join`. */
export class Session extends Emitter<SessionEvents> {
  /** The LiveKit room, for whatever this class has no word for. */
  readonly room: Room

  readonly #origin: Origin
  readonly #stage: Stage
  readonly #people = new Map<string, Participant>()
  readonly #known = new Map<string, Entry>()
  readonly #over = new AbortController()
  #ticket: string
  #info: SessionInfo
  #waiting: Waiting[] = []
  #state: ConnectionState = { state: 'Connected' }
  #rosterTimer: ReturnType<typeof setTimeout> | undefined
  #returning = false
  // What to start again after the connection was lost and had anew.
  #video: CaptureOptions | undefined
  #audio: CaptureOptions | undefined

  /** @internal */
  constructor(room: Room, origin: Origin) {
    super()
    this.room = room
    this.#origin = origin
    this.#stage = new Stage(room)
    this.#ticket = origin.admitted.ticket
    this.#info = origin.admitted.session
    this.#remember(origin.admitted)
    for (const p of this.#everybody()) this.#people.set(p.identity, this.#view(p))
    this.#listen()
    void this.#readRoster()
  }

  get sessionId(): string { return this.#info.id }
  get topic(): string { return this.#info.name }
  get info(): SessionInfo { return this.#info }
  get connection(): ConnectionState { return this.#state }
  /** Everybody in the session, yourself first, then in the order they came. */
  get participants(): Participant[] { return [...this.#people.values()].sort((a, b) => Number(b.isSelf) - Number(a.isSelf)) }
  /** Those in the waiting room; empty for who is no host. */
  get waiting(): Waiting[] { return this.#waiting }
  /** Yourself. */
  get self(): Participant { return this.#people.get(this.room.localParticipant.identity) ?? this.#view(this.room.localParticipant) }
  /** Whether you may do what hosts may. */
  get mayHost(): boolean { return this.self.isHost || this.self.isManager }

  // Your own camera, microphone and screen.

  async startVideo(options: CaptureOptions = {}): Promise<void> {
    await this.#capture('camera', () => this.room.localParticipant.setCameraEnabled(true, options))
    this.#video = options
  }

  async stopVideo(): Promise<void> {
    this.#video = undefined
    await this.room.localParticipant.setCameraEnabled(false)
  }

  /** Starts the microphone. You hear the others with or without it. */
  async startAudio(options: CaptureOptions = {}): Promise<void> {
    await this.#capture('microphone', () => this.room.localParticipant.setMicrophoneEnabled(true, options))
    this.#audio = options
  }

  async stopAudio(): Promise<void> {
    this.#audio = undefined
    const track = this.room.localParticipant.getTrackPublication(Track.Source.Microphone)?.track
    if (track) await this.room.localParticipant.unpublishTrack(track.mediaStreamTrack)
    this.#refresh(this.room.localParticipant)
  }

  /** Mutes yourself, or, as a host, somebody else. */
  async mute(userId?: string): Promise<void> {
    if (userId !== undefined && userId !== this.self.userId) return this.#act('mute', userId)
    await this.room.localParticipant.setMicrophoneEnabled(false)
  }

  /** Unmutes yourself; others only they themselves can unmute. */
  async unmute(): Promise<void> {
    await this.startAudio(this.#audio)
  }

  async shareScreen(): Promise<void> {
    await this.#capture('screen', () => this.room.localParticipant.setScreenShareEnabled(true))
  }

  async stopShareScreen(): Promise<void> {
    await this.room.localParticipant.setScreenShareEnabled(false)
  }

  /** Changes the camera, microphone or loudspeaker while it is in use. */
  async switchDevice(kind: MediaDeviceKind, deviceId: string): Promise<void> {
    await this.#capture(kind === 'videoinput' ? 'camera' : kind === 'audioinput' ? 'microphone' : 'loudspeaker', () => this.room.switchActiveDevice(kind, deviceId))
    if (kind === 'videoinput' && this.#video) this.#video = { deviceId }
    if (kind === 'audioinput' && this.#audio) this.#audio = { deviceId }
  }

  /** Plays the sound that the browser held back; call it from a click. */
  resumeAudio(): Promise<void> { return this.room.startAudio() }

  // Pictures of anybody.

  /** Shows a user's camera in element, or in one that is made; it stays with the user until detached. */
  attachVideo(userId: string, element?: HTMLVideoElement): HTMLVideoElement { return this.#stage.attach(userId, Track.Source.Camera, element) }
  /** Takes the camera out of element, or out of all. */
  detachVideo(userId: string, element?: HTMLVideoElement): void { this.#stage.detach(userId, Track.Source.Camera, element) }
  /** Shows a user's screen, as attachVideo does the camera. */
  attachShareView(userId: string, element?: HTMLVideoElement): HTMLVideoElement { return this.#stage.attach(userId, Track.Source.ScreenShare, element) }
  detachShareView(userId: string, element?: HTMLVideoElement): void { this.#stage.detach(userId, Track.Source.ScreenShare, element) }

  // What hosts may; Usher refuses others with the code `wrong_role`.

  /** Lets one in from the waiting room. */
  admit(userId: string): Promise<void> { return this.#act('admit', userId) }
  admitAll(): Promise<void> { return this.#act('admit-all') }
  /** Sends one in the waiting room away. */
  deny(userId: string): Promise<void> { return this.#act('deny', userId) }
  /** Puts one out, who can't come back with the signature they have. */
  remove(userId: string): Promise<void> { return this.#act('remove', userId) }
  /** Nobody else gets in until unlock. */
  lock(): Promise<void> { return this.#act('lock') }
  unlock(): Promise<void> { return this.#act('unlock') }
  muteAll(): Promise<void> { return this.#act('mute-all') }
  makeCohost(userId: string): Promise<void> { return this.#act('make-cohost', userId) }
  /** Ends the session for everybody. */
  end(): Promise<void> { return this.#act('end') }

  /** Leaves, and with end ends the session for everybody. It succeeds in any case: who wants out is out. */
  async leave(end = false): Promise<void> {
    if (this.#over.signal.aborted) return
    try {
      if (end) await this.end()
    } finally {
      await this.#finish({ state: 'Closed', reason: 'left' })
    }
  }

  async #act(action: Action, user?: string): Promise<void> {
    await this.#origin.gate.act(this.#ticket, action, user)
    await this.#readRoster()
  }

  async #capture(what: string, start: () => Promise<unknown>): Promise<void> {
    try {
      await start()
    } catch (e) {
      throw mediaError(e, what)
    }
    this.#refresh(this.room.localParticipant)
  }

  #listen(): void {
    const each = (p: RoomParticipant) => this.#refresh(p)
    this.room
      .on(RoomEvent.ParticipantConnected, p => { each(p); this.#readRosterSoon(300) })
      .on(RoomEvent.ParticipantDisconnected, p => this.#gone(p.identity))
      .on(RoomEvent.TrackPublished, (_, p) => each(p))
      .on(RoomEvent.TrackUnpublished, (_, p) => each(p))
      .on(RoomEvent.TrackMuted, (_, p) => each(p))
      .on(RoomEvent.TrackUnmuted, (_, p) => each(p))
      .on(RoomEvent.LocalTrackPublished, (_, p) => each(p))
      .on(RoomEvent.LocalTrackUnpublished, (_, p) => each(p))
      .on(RoomEvent.ParticipantNameChanged, (_, p) => each(p))
      .on(RoomEvent.ParticipantMetadataChanged, () => this.#readRosterSoon(100))
      .on(RoomEvent.ParticipantAttributesChanged, () => this.#readRosterSoon(100))
      .on(RoomEvent.RoomMetadataChanged, () => this.#readRosterSoon(100))
      .on(RoomEvent.ActiveSpeakersChanged, all => this.emit('active-speaker', all.map(p => ({ userId: p.identity, displayName: p.name || p.identity }))))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.room.canPlaybackAudio || this.emit('auto-play-audio-failed', undefined))
      .on(RoomEvent.MediaDevicesChanged, () => this.emit('device-change', undefined))
      .on(RoomEvent.Reconnecting, () => this.#become({ state: 'Reconnecting' }))
      .on(RoomEvent.Reconnected, () => { this.#sync(); this.#become({ state: 'Connected' }) })
      .on(RoomEvent.Disconnected, reason => this.#disconnected(reason))
  }

  #disconnected(reason: DisconnectReason | undefined): void {
    // While coming back, each try that fails ends with this event too.
    if (this.#over.signal.aborted || this.#returning) return
    switch (reason) {
      case DisconnectReason.CLIENT_INITIATED: return void this.#finish({ state: 'Closed', reason: 'left' })
      case DisconnectReason.DUPLICATE_IDENTITY: return void this.#finish({ state: 'Closed', reason: 'elsewhere' })
      case DisconnectReason.PARTICIPANT_REMOVED: return void this.#finish({ state: 'Closed', reason: 'removed' })
      case DisconnectReason.ROOM_DELETED:
      case DisconnectReason.ROOM_CLOSED: return void this.#finish({ state: 'Closed', reason: 'ended' })
      default: void this.#comeBack()
    }
  }

  /** The room has given up on the connection: enter once more, by the gate. */
  async #comeBack(): Promise<void> {
    this.#returning = true
    this.#become({ state: 'Reconnecting' })
    const { rejoin, fresh, reconnectWithin } = this.#origin
    const signal = this.#over.signal
    const end = Date.now() + reconnectWithin
    let asked = false
    for (let pause = 500; ;) {
      try {
        const admitted = await rejoin(this.#ticket, this.#origin.signature, signal)
        await connectRoom(admitted.room, Math.min(20_000, Math.max(5000, end - Date.now())), signal, this.room)
        this.#returning = false
        this.#remember(admitted)
        this.#sync()
        this.#become({ state: 'Connected' })
        return await this.#resume()
      } catch (e) {
        if (signal.aborted) return
        let error = e instanceof UsherError ? e : new UsherError('room', 'failed', 'The session could not be entered again.', { cause: e })
        if (error.type === 'refused' && error.code === 'expired' && fresh && !asked) {
          asked = true
          try {
            this.#origin.signature = await fresh()
            continue
          } catch (e) {
            error = new UsherError('refused', 'expired', 'The signature has expired, and no fresh one was to be had.', { cause: e })
          }
        }
        if (!isPassing(error) || Date.now() + pause > end) {
          const closed = closedBy(error)
          return this.#finish(closed ? { state: 'Closed', reason: closed } : { state: 'Fail', reason: error.code, error })
        }
        // Spread in time, because everybody lost the connection in the same moment.
        await sleep(pause * (0.5 + Math.random()), signal).catch(() => {})
        pause = Math.min(8000, pause * 2)
      }
    }
  }

  async #resume(): Promise<void> {
    const failed = (e: unknown) => reportError(e)
    if (this.#audio) await this.startAudio(this.#audio).catch(failed)
    if (this.#video) await this.startVideo(this.#video).catch(failed)
    await this.#readRoster()
  }

  #become(state: ConnectionState): void {
    if (this.#state.state === state.state) return
    this.#state = state
    this.emit('connection-change', state)
  }

  async #finish(state: ConnectionState): Promise<void> {
    if (this.#over.signal.aborted) return
    this.#over.abort()
    clearTimeout(this.#rosterTimer)
    await this.room.disconnect().catch(() => {})
    this.#stage.clear()
    this.#become(state)
  }

  #remember({ ticket, session, user }: Admitted): void {
    this.#ticket = ticket
    this.#info = session
    this.#known.set(user.id, { id: user.id, name: user.name, role: user.role, cohost: user.cohost, joinedAt: '' })
  }

  #everybody(): RoomParticipant[] { return [this.room.localParticipant, ...this.room.remoteParticipants.values()] }

  #view(p: RoomParticipant): Participant { return view(p, this.#known.get(p.identity)) }

  /** Brings everybody up to date and tells the differences. */
  #sync(): void {
    const here = new Set(this.#everybody().map(p => p.identity))
    for (const id of [...this.#people.keys()]) if (!here.has(id)) this.#gone(id)
    for (const p of this.#everybody()) this.#refresh(p)
  }

  #gone(id: string): void {
    const p = this.#people.get(id)
    if (!p) return
    if (p.bVideoOn) this.emit('peer-video-state-change', { action: 'Stop', userId: id })
    this.#people.delete(id)
    if (p.sharerOn) this.#shareChanged(id, false)
    this.emit('user-removed', [{ userId: id, displayName: p.displayName }])
  }

  #refresh(p: RoomParticipant): void {
    if (!p.identity) return
    const before = this.#people.get(p.identity)
    const now = this.#view(p)
    this.#people.set(p.identity, now)
    if (!before) this.emit('user-added', [now])
    const changed = before && changes(before, now)
    if (changed) this.emit('user-updated', [changed])
    if (now.isSelf) return
    if (now.bVideoOn !== (before?.bVideoOn ?? false)) this.emit('peer-video-state-change', { action: now.bVideoOn ? 'Start' : 'Stop', userId: now.userId })
    if (now.sharerOn !== (before?.sharerOn ?? false)) this.#shareChanged(now.userId, now.sharerOn)
  }

  #shareChanged(userId: string, on: boolean): void {
    this.emit('peer-share-state-change', { action: on ? 'Start' : 'Stop', userId })
    const sharer = on ? userId : this.participants.find(p => p.sharerOn && !p.isSelf)?.userId
    this.emit('active-share-change', sharer ? { state: 'Active', userId: sharer } : { state: 'Inactive' })
  }

  #readRosterSoon(milliseconds: number): void {
    clearTimeout(this.#rosterTimer)
    this.#rosterTimer = setTimeout(() => void this.#readRoster(), milliseconds)
  }

  async #readRoster(): Promise<void> {
    if (this.#over.signal.aborted) return
    try {
      const { session, participants, waiting } = await this.#origin.gate.roster(this.#ticket, this.#over.signal)
      const info = JSON.stringify(this.#info) !== JSON.stringify(session)
      const line = JSON.stringify(this.#waiting) !== JSON.stringify(waiting ?? [])
      this.#info = session
      this.#waiting = waiting ?? []
      for (const entry of participants) this.#known.set(entry.id, entry)
      for (const p of this.#everybody()) this.#refresh(p)
      if (info) this.emit('session-change', session)
      if (line) this.emit('waiting-room-change', this.#waiting)
    } catch {
      // The media goes on without the gate; the next time will do.
    }
    if (!this.#over.signal.aborted) this.#readRosterSoon(this.mayHost && this.#info.waitingRoom ? rosterFast : rosterSlow * (0.75 + Math.random() / 2))
  }
}

function closedBy(e: UsherError): EndReason | undefined {
  if (e.type !== 'refused') return undefined
  return e.code === 'removed' ? 'removed' : e.code === 'ended' ? 'ended' : undefined
}

/** Enters a room within the time, in milliseconds; what fails is an UsherError. */
export async function connectRoom(at: { url: string; token: string }, timeout: number, signal?: AbortSignal, room = newRoom()): Promise<Room> {
  let timer: ReturnType<typeof setTimeout> | undefined
  let stop: (() => void) | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new UsherError('timeout', 'room_timeout', 'The media server did not answer in time.', { detail: 'A firewall between may let neither UDP nor TCP to it pass.' })), timeout)
    stop = () => reject(aborted(signal!))
    signal?.addEventListener('abort', stop, { once: true })
  })
  try {
    await Promise.race([room.connect(at.url, at.token), tooLate])
    return room
  } catch (e) {
    void room.disconnect().catch(() => {})
    if (e instanceof UsherError) throw e
    if (e instanceof ConnectionError && e.reason === ConnectionErrorReason.NotAllowed) throw new UsherError('room', 'room_refused', 'The media server refused.', { detail: 'Its key or secret may not be the one that Usher has.', cause: e })
    throw new UsherError('room', 'room_unreachable', 'The media server could not be entered.', { detail: e instanceof Error ? e.message : String(e), cause: e })
  } finally {
    clearTimeout(timer)
    if (stop) signal?.removeEventListener('abort', stop)
  }
}

function newRoom(): Room {
  return new Room({ adaptiveStream: true, dynacast: true })
}
