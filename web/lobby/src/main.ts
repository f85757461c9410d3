import type { ConnectionState, Session, UsherError } from 'usher-client'
import { el, icon, show } from './dom.ts'
import { Enter, type Entry } from './enter.ts'
import { Hall } from './hall.ts'
import { readLink, type Link } from './link.ts'
import { Preview } from './preview.ts'
import './style.css'
import { more, words, type Words } from './words.ts'

// The library is most of the page's weight; it comes while the user types.
const library = import('usher-client')

const remembered = 'usher.name'
let entered: Partial<Entry> = {}

/** The first screen, with the message of what went wrong before, if anything did. */
function lobby(refused?: { words: Words; more: string }): void {
  const link = readLink(location.hash)
  const preview = new Preview()
  const enter = new Enter({
    link, preview,
    entry: { name: link.name ?? recallName(), session: link.session ?? '', passcode: link.passcode ?? '', ...entered },
    join: entry => join(entry, link, preview, enter),
  })
  show('Usher', enter.element)
  if (refused) enter.refuse(refused.words, refused.more)
  void preview.start()
}

async function join(entry: Entry, link: Link, preview: Preview, enter: Enter): Promise<void> {
  entered = entry
  rememberName(entry.name)
  const { createClient, UsherError } = await library
  const client = createClient({ url: location.origin })
  const stop = new AbortController()
  let waited = false
  let passcode = entry.passcode
  try {
    let topic = entry.session
    let signature: () => Promise<string>
    if (link.invite) {
      const redeem = () => client.redeem(link.invite!, entry.name, stop.signal)
      const first = await redeem()
      topic = first.sessionName
      passcode = first.passcode ?? link.passcode ?? ''
      signature = handOut(first.signature, async () => (await redeem()).signature)
    } else {
      const ask = async () => (await client.signature({ sessionName: topic, sessionPasscode: passcode, role: entry.host ? 'host' : 'participant' }, stop.signal)).signature
      signature = link.signature ? handOut(link.signature, ask) : ask
    }
    const session = await client.join({
      topic, userName: entry.name, password: passcode, signal: stop.signal, signature,
      onWaiting: () => { waited = true; waiting(topic, stop) },
    })
    preview.close()
    run(session, client, passcode, preview)
  } catch (e) {
    const error = e instanceof UsherError ? e : new UsherError('network', 'failed', 'Something went wrong.', { cause: e })
    const why = { words: words(error, link.invite !== undefined), more: more(error) }
    // The preview of the first screen still runs, unless the waiting room has taken its place.
    if (!waited) return error.type === 'aborted' ? undefined : enter.refuse(why.words, why.more)
    preview.close()
    lobby(error.type === 'aborted' ? undefined : why)
  }
}

/** Gives the first one at the first call, then asks. */
function handOut(first: string, ask: () => Promise<string>): () => Promise<string> {
  let given = false
  return async () => {
    if (given) return ask()
    given = true
    return first
  }
}

function waiting(topic: string, stop: AbortController): void {
  show('Waiting', el('main', { class: 'message' },
    el('div', { class: 'dots', 'aria-hidden': 'true' }, el('i'), el('i'), el('i')),
    el('h1', {}, 'A host will let you in soon'),
    el('p', {}, `You are in the waiting room of ${topic}. Nobody sees or hears you yet.`),
    el('button', { type: 'button', onclick: () => stop.abort() }, 'Don’t wait')))
}

function run(session: Session, client: Parameters<typeof newHall>[1], passcode: string, preview: Preview): void {
  const hall = newHall(session, client, passcode)
  show(session.topic, hall.element)
  session.on('connection-change', c => {
    if (c.state !== 'Closed' && c.state !== 'Fail') return
    hall.close()
    document.querySelectorAll('dialog').forEach(d => d.remove())
    over(session.topic, c)
  })
  void hall.start(preview.choice)
}

const newHall = (session: Session, client: ConstructorParameters<typeof Hall>[1], passcode: string) => new Hall(session, client, passcode)

const endings: Record<string, [title: string, text: string]> = {
  left: ['You have left', ''],
  ended: ['The session has ended', 'A host ended it for everybody.'],
  removed: ['A host removed you', 'You can’t come back to this session on your own. If it was a mistake, ask the host for a new invite.'],
  elsewhere: ['You are in the session elsewhere', 'You joined again in another window or on another device; this one was closed.'],
}

function over(topic: string, c: ConnectionState): void {
  let title = 'The connection is lost'
  let text = ''
  if (c.state === 'Closed') [title, text] = endings[c.reason]!
  if (c.state === 'Fail') {
    const w = words(c.error as UsherError)
    text = `${w.title} ${w.advice}`
  }
  const again = c.state === 'Fail' || (c.state === 'Closed' && (c.reason === 'left' || c.reason === 'elsewhere'))
  show(title, el('main', { class: 'message' }, icon('leave'), el('h1', {}, title), el('p', {}, text || `You were in ${topic}.`),
    el('button', { type: 'button', class: again ? 'main' : '', onclick: () => lobby() }, again ? 'Join again' : 'Back to the start')))
}

function recallName(): string {
  try {
    return localStorage.getItem(remembered) ?? ''
  } catch {
    return ''
  }
}

function rememberName(name: string): void {
  try {
    localStorage.setItem(remembered, name)
  } catch { /* then it is typed again the next time */ }
}

addEventListener('hashchange', () => { if (document.querySelector('.enter')) { entered = {}; location.reload() } })
lobby()
