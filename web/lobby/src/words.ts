import type { UsherError } from 'usher-client'

/** What went wrong and what to do, in words for whoever wants to join. */
export interface Words {
  title: string
  advice: string
  /** The form's field that has to change, where it is one. */
  field?: 'session' | 'passcode' | 'name'
}

const refusals: Record<string, Words> = {
  bad_signature: { title: 'Your way in was not issued by this server.', advice: 'Ask for a new link, or open this page again from where you came.' },
  expired: { title: 'Your way in has expired.', advice: 'Ask for a new link, or open this page again from where you came.' },
  not_yet_valid: { title: 'It is too early.', advice: 'Your way in holds from a later moment on. Try again then.' },
  wrong_session: { title: 'You were invited to another session.', advice: 'Check the name of the session.', field: 'session' },
  wrong_passcode: { title: 'The passcode is wrong.', advice: 'Type it again, with capital and small letters as they were given to you.', field: 'passcode' },
  wrong_role: { title: 'You may not do this.', advice: 'Hosts alone may.' },
  host_denied: { title: 'You may take part, but not as the host.', advice: 'Choose to join as a participant.' },
  revoked: { title: 'Your way in has been taken back.', advice: 'Ask the host for a new invite.' },
  left: { title: 'You have left.', advice: 'Join again.' },
  removed: { title: 'A host removed you from this session.', advice: 'You can’t come back on your own. If it was a mistake, ask the host for a new invite.' },
  locked: { title: 'The session is locked.', advice: 'A host lets nobody else in at the moment. Ask the host to unlock it, then try again.' },
  full: { title: 'The session is full.', advice: 'Try again when somebody has left.' },
  ended: { title: 'The session has ended.', advice: 'There is nothing more to do here.' },
  closed: { title: 'The session is over.', advice: 'Its time has passed.' },
  not_open_yet: { title: 'The session is not open yet.', advice: 'Try again when it begins.' },
  waiting_denied: { title: 'A host did not let you in.', advice: 'If you think it was a mistake, tell the host who you are and try again.' },
  waiting_timed_out: { title: 'Nobody has let you in.', advice: 'The host may be away. Try again later.' },
  too_many_requests: { title: 'Too many tries.', advice: 'Wait a little, then try again.' },
  unavailable: { title: 'The server can’t let anyone in just now.', advice: 'Try again in a minute. If it stays so, tell whoever runs it.' },
  unauthenticated: { title: 'This server lets in those with an invite.', advice: 'Ask the host for an invite link and open that.' },
  banned: { title: 'You may not enter here.', advice: 'If you think it is a mistake, ask whoever runs this server.' },
  denied: { title: 'You may not enter this session.', advice: 'Ask the host to invite you.' },
  out_of_scope: { title: 'The invite is for another session.', advice: 'Ask the host for an invite to this one.' },
  invalid: { title: 'Something in the form is not as it must be.', advice: 'Change it and try again.' },
}

const others: Record<string, Words> = {
  required: { title: 'Something is missing.', advice: 'Fill in your name and the session.' },
  unreachable: { title: 'The server can’t be reached.', advice: 'Check your connection and try again.' },
  bad_answer: { title: 'The server gave no sensible answer.', advice: 'Try again in a minute. If it stays so, tell whoever runs it.' },
  timeout: { title: 'It took too long.', advice: 'Your connection may be slow. Try again.' },
  not_admitted: { title: 'Nobody has let you in.', advice: 'The host may be away. Try again later.' },
  room_timeout: { title: 'You were let in, but no video gets through.', advice: 'A firewall may be in the way. Try another network.' },
  room_unreachable: { title: 'You were let in, but the video server can’t be reached.', advice: 'Try again in a minute, or on another network.' },
  room_refused: { title: 'You were let in here, but not by the video server.', advice: 'Tell whoever runs this server that the two don’t agree.' },
  permission_denied: { title: 'The browser doesn’t let this page use it.', advice: 'Allow it in the browser’s address bar, then try again.' },
  no_device: { title: 'There is no such device.', advice: 'Plug it in, or choose another.' },
  device_in_use: { title: 'The device can’t be used.', advice: 'Another program may have it. Close that, then try again.' },
  media_failed: { title: 'The device could not be started.', advice: 'Try again, or choose another.' },
}

const invite: Record<string, Words> = {
  denied: { title: 'This invite lets nobody else in.', advice: 'Ask the host for another.' },
  unauthenticated: { title: 'This invite is not known here.', advice: 'It may have been used up, revoked or cut short in copying. Ask the host for another.' },
  not_found: { title: 'This invite is not known here.', advice: 'It may have been used up, revoked or cut short in copying. Ask the host for another.' },
}

/** The words for an error; `redeeming` if an invite was being redeemed. */
export function words(e: UsherError, redeeming = false): Words {
  const known = (redeeming && invite[e.code]) || (e.type === 'refused' ? refusals[e.code] : others[e.code])
  return known ?? { title: e.reason, advice: e.detail || 'Try again. If it stays so, tell whoever runs this server.' }
}

/** What the server adds that the words don't say, such as by how much a signature has expired. */
export function more(e: UsherError): string {
  if (e.retryAfterSeconds && e.code === 'too_many_requests') return `You can try again in ${e.retryAfterSeconds === 1 ? 'a second' : e.retryAfterSeconds < 100 ? e.retryAfterSeconds + ' seconds' : Math.ceil(e.retryAfterSeconds / 60) + ' minutes'}.`
  return e.type === 'refused' && !told.has(e.code) ? e.detail : ''
}

// Of these the words above say everything already.
const told = new Set(['wrong_passcode', 'locked', 'full', 'ended', 'removed', 'waiting_denied', 'waiting_timed_out', 'unauthenticated'])
