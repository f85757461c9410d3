import { RoomEvent, Track, type Room } from 'livekit-client'

export type Picture = Track.Source.Camera | Track.Source.ScreenShare

/**
 * Puts the room's pictures and sounds into elements. A video element that was
 * asked for stays with its user: the picture appears in it whenever there is
 * one. Sounds go into elements of their own, which nobody needs to look after.
 */
export class Stage {
  readonly #room: Room
  readonly #elements = new Map<string, Set<HTMLVideoElement>>()
  readonly #sounds = new Map<string, HTMLMediaElement>()

  constructor(room: Room) {
    this.#room = room
    room
      .on(RoomEvent.TrackSubscribed, (track, _, p) => this.#show(track, p.identity))
      .on(RoomEvent.TrackUnsubscribed, track => this.#hide(track))
      .on(RoomEvent.LocalTrackPublished, (pub, p) => pub.track && pub.kind === Track.Kind.Video && this.#show(pub.track, p.identity))
      .on(RoomEvent.LocalTrackUnpublished, pub => pub.track && this.#hide(pub.track))
    for (const p of room.remoteParticipants.values()) {
      for (const pub of p.trackPublications.values()) if (pub.track) this.#show(pub.track, p.identity)
    }
  }

  attach(userId: string, source: Picture, element: HTMLVideoElement = document.createElement('video')): HTMLVideoElement {
    element.autoplay = true
    element.playsInline = true
    element.muted = true // sound has elements of its own, and a browser plays muted video without asking
    const key = userId + '/' + source
    const all = this.#elements.get(key) ?? new Set()
    this.#elements.set(key, all.add(element))
    const p = this.#room.localParticipant.identity === userId ? this.#room.localParticipant : this.#room.remoteParticipants.get(userId)
    p?.getTrackPublication(source)?.track?.attach(element)
    return element
  }

  detach(userId: string, source: Picture, element?: HTMLVideoElement): void {
    const key = userId + '/' + source
    const all = this.#elements.get(key)
    for (const e of element ? [element] : [...(all ?? [])]) {
      all?.delete(e)
      e.srcObject = null
      const p = this.#room.localParticipant.identity === userId ? this.#room.localParticipant : this.#room.remoteParticipants.get(userId)
      p?.getTrackPublication(source)?.track?.detach(e)
    }
    if (all?.size === 0) this.#elements.delete(key)
  }

  /** Takes every sound out of the page and lets go of every element. */
  clear(): void {
    for (const sound of this.#sounds.values()) sound.remove()
    for (const all of this.#elements.values()) for (const e of all) e.srcObject = null
    this.#sounds.clear()
    this.#elements.clear()
  }

  #show(track: Track, userId: string): void {
    if (track.kind === Track.Kind.Audio) {
      const sound = track.attach()
      sound.dataset['usherUser'] = userId
      sound.hidden = true
      document.body.append(sound)
      this.#sounds.set(track.sid ?? userId, sound)
      return
    }
    for (const e of this.#elements.get(userId + '/' + track.source) ?? []) track.attach(e)
  }

  #hide(track: Track): void {
    for (const e of track.detach()) if (e instanceof HTMLAudioElement) e.remove()
    if (track.sid) this.#sounds.delete(track.sid)
  }
}
