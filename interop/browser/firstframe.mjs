// How long it takes from the call until the picture of somebody else is there:
// usher-client's join(), and livekit-client connecting with a token that was
// made before, in turns. Arguments: the address of usher-rooms dev, how many
// rounds. It prints one line of JSON: {"join":[ms…],"connect":[ms…]}.
import { chromium } from 'playwright-core';

const [address, rounds] = process.argv.slice(2);
setTimeout(() => { console.error('no picture came in time'); process.exit(1); }, 20_000 + 10_000 * rounds).unref();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--allow-loopback-in-peer-connection'],
});
async function blank() {
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  await page.goto(new URL('lobby/icon.svg', address).href.replace('icon.svg', '')); // the page's own origin and policy
  await page.evaluate(async () => {
    const { createClient } = await import('/lobby/usher-client.js');
    window.client = createClient({ url: location.origin });
    window.sign = userKey => window.client.signature({ sessionName: 'First frame', role: 'participant', userKey });
  });
  return page;
}

const shown = await blank();
await shown.evaluate(async () => {
  const { signature } = await window.sign('shown');
  window.session = await window.client.join({ topic: 'First frame', signature, userName: 'Shown' });
  await window.session.startVideo();
});

const times = { join: [], connect: [] };
for (let i = 0; i < Number(rounds) * 2; i++) {
  const way = (i + (i >> 1)) % 2 ? 'connect' : 'join'; // neither is always the second
  const page = await blank();
  times[way].push(await page.evaluate(async ({ way, i }) => {
    const { signature } = await window.sign('seer-' + i);
    const join = { topic: 'First frame', signature, userName: 'Seer' };
    // A first visit wakes the browser's WebRTC for both, and shows the livekit-client that the library has inside.
    const Room = await window.client.join({ ...join, userName: 'Early' }).then(async s => { const R = s.room.constructor; await s.leave(); return R; });
    const video = document.createElement('video');
    video.muted = video.autoplay = true;
    video.style.cssText = 'position: fixed; inset: 0; z-index: 9'; // in sight, or it isn't sent
    document.body.append(video);
    const frame = new Promise(done => video.requestVideoFrameCallback(done));
    if (way === 'join') {
      const begun = performance.now();
      const session = await window.client.join(join);
      session.attachVideo(session.participants.find(p => !p.isSelf).userId, video);
      await frame;
      const took = performance.now() - begun;
      await session.leave();
      return took;
    }
    const fresh = await window.sign('ready-' + i);
    const answer = await (await fetch('/v1/join', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ...join, signature: fresh.signature }) })).json();
    const begun = performance.now();
    const room = new Room({ adaptiveStream: true, dynacast: true });
    const tracked = new Promise(done => room.on('trackSubscribed', t => { if (t.kind === 'video') { t.attach(video); done(); } }));
    await room.connect(answer.room.url, answer.room.token);
    await tracked;
    await frame;
    const took = performance.now() - begun;
    await room.disconnect();
    return took;
  }, { way, i }));
  await page.context().close();
}
await browser.close();
console.log(JSON.stringify(times));
