import type { Participant as RoomParticipant } from 'livekit-client'
import type { Entry, Role } from './gate.js'

/** Somebody in the session. The names of the fields are those that users of Zoom's web SDK know. */
export interface Participant {
  userId: string
  displayName: string
  role: Role
  /** The host; a session has one. */
  isHost: boolean
  /** A co-host: may do what the host may. */
  isManager: boolean
  isSelf: boolean
  bVideoOn: boolean
  /** `computer` once the microphone was started, muted or not. */
  audio: '' | 'computer'
  muted: boolean
  sharerOn: boolean
}

/** What is seen of p: media from the room, the role from the gate. */
export function view(p: RoomParticipant, known: Entry | undefined): Participant {
  const role = known?.role ?? 'participant'
  return {
    userId: p.identity,
    displayName: p.name || known?.name || p.identity,
    role,
    isHost: role === 'host' && !known?.cohost,
    isManager: known?.cohost ?? false,
    isSelf: p.isLocal,
    bVideoOn: p.isCameraEnabled,
    audio: p.getTrackPublication(microphone) ? 'computer' : '',
    muted: !p.isMicrophoneEnabled,
    sharerOn: p.isScreenShareEnabled,
  }
}

// The value of Track.Source.Microphone; only its type is imported, so that this file works without the library.
const microphone = 'microphone' as import('livekit-client').Track.Source.Microphone

/** The fields in which b differs from a, with the id; undefined if none does. */
export function changes(a: Participant, b: Participant): (Partial<Participant> & { userId: string }) | undefined {
  const keys = (Object.keys(b) as (keyof Participant)[]).filter(k => a[k] !== b[k])
  return keys.length === 0 ? undefined : { userId: b.userId, ...Object.fromEntries(keys.map(k => [k, b[k]])) }
}
