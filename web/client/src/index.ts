/**
 * usher-client: enter video sessions with signatures from Usher.
 *
 *     const client = createClient({ url: 'https://usher.example.com' })
 *     const session = await client.join({ topic, signature, userName, password })
 *
 * See docs/client.md of Usher for the events and for what each error means.
 */
export { createClient } from './client.js'
export type { Client, ClientOptions, InviteOptions, JoinOptions, Redeemed, Signed, SignatureOptions } from './client.js'
export { UsherError, isRefusal, mediaError } from './errors.js'
export type { ErrorType, Fault, Problem } from './errors.js'
export type { Action, FreshSignature, Role, Self, SessionInfo, Waiting } from './gate.js'
export type { Participant } from './participants.js'
export { Session } from './session.js'
export type { SessionEvents, CaptureOptions, ConnectionState, EndReason } from './session.js'
