// Gets a signature from Usher and joins with Zoom's client.
import ZoomVideo, { VideoQuality } from '@zoom/videosdk'

const client = ZoomVideo.createClient()
const status = document.querySelector('[role=status]')
const players = document.querySelector('video-player-container')
const value = id => document.getElementById(id).value

document.querySelector('form').addEventListener('submit', async e => {
  e.preventDefault()
  status.textContent = 'Joining…'
  let signature = ''
  try {
    signature = await askUsher()
    await client.init('en-US', 'Global', { patchJsMedia: true })
    await client.join(value('session'), signature, value('name'), value('passcode'))
    const stream = client.getMediaStream()
    await stream.startAudio()
    await stream.startVideo()
    for (const user of client.getAllUser()) if (user.bVideoOn) await show(user.userId)
    client.on('peer-video-state-change', ({ action, userId }) => action === 'Start' ? show(userId) : hide(userId))
    status.textContent = 'You are in.'
  } catch (error) {
    // Zoom's reason, and the way to what it means.
    status.textContent = `${error.reason ?? error.message ?? error}. ` +
      (signature && `Ask: usher inspect --session "${value('session')}" --error "${error.errorCode ?? ''} ${error.reason ?? ''}"`)
  }
})

async function askUsher() {
  const answer = await fetch(value('usher'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' }, // in production, with who you are: see docs/ways-in.md
    body: JSON.stringify({ sessionName: value('session'), sessionPasscode: value('passcode'), role: Number(value('role')) }),
  })
  const said = await answer.json()
  if (!answer.ok) throw new Error(said.errors.map(f => `${f.property} ${f.reason}`).join('; '))
  return said.signature
}

async function show(userId) {
  players.append(await client.getMediaStream().attachVideo(userId, VideoQuality.Video_360P))
}

async function hide(userId) {
  for (const element of [await client.getMediaStream().detachVideo(userId)].flat()) element.remove()
}
