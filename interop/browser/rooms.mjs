// Two people and more meet in rooms, each in a browser context of their own with
// fake devices, let in by signatures alone. Arguments: the address of
// usher-rooms dev, a folder for screenshots. Standard input: JSON with
// signatures made for the purpose, {"forged","expired","elsewhere"}. It prints
// one line of JSON: {"faults":[…],"seen":{…}}.
import { chromium } from 'playwright-core';

const [address, folder] = process.argv.slice(2);
let input = '';
for await (const chunk of process.stdin) input += chunk;
const made = JSON.parse(input);
const faults = [];
const seen = {};
const expect = (ok, what) => { if (!ok) faults.push(what); };
const patience = 30_000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--auto-select-desktop-capture-source=Entire screen', '--allow-loopback-in-peer-connection'],
});

// person opens the lobby in a context of its own.
async function person(name, { link = '', width = 1200, height = 800, colorScheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, permissions: ['camera', 'microphone'] });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.on('pageerror', e => faults.push(`${name}: ${e}`));
  page.on('console', m => { if (m.type() === 'error' && /Content Security Policy|Refused to/.test(m.text())) faults.push(`${name}: ${m.text()}`); });
  page.on('request', r => {
    const host = new URL(r.url()).hostname;
    if (!['localhost', '127.0.0.1', ''].includes(host)) faults.push(`${name} asks ${r.url()}`);
  });
  await page.addInitScript(() => {
    window.shifted = 0;
    new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifted += e.value; }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(new URL(link, address).href);
  await page.locator('#name').waitFor();
  return { name, page, context };
}

async function fill({ page, name }, { session, passcode = '', host = false }) {
  await page.locator('#name').fill(name);
  if (session) await page.locator('#session').fill(session);
  if (passcode) await page.locator('#passcode').fill(passcode);
  if (host) await page.locator('#host').check();
}

const press = p => p.page.locator('form button.main').click();
const inHall = p => p.page.locator('main.hall').waitFor();
const refusal = async p => {
  await p.page.locator('#refusal .strong').waitFor();
  return p.page.locator('#refusal').innerText();
};
const tool = (p, text) => p.page.locator('.bar button', { hasText: text });
const title = (p, text) => p.page.locator('main.message h1', { hasText: text }).waitFor();

// moving waits until the picture of somebody else is there and changes.
const moving = p => p.page.waitForFunction(() => {
  const video = document.querySelector('li.tile:not(.self) video');
  if (!video || !video.videoWidth) return false;
  const canvas = document.createElement('canvas');
  canvas.width = 64; canvas.height = 36;
  const c = canvas.getContext('2d');
  c.drawImage(video, 0, 0, 64, 36);
  const now = c.getImageData(0, 0, 64, 36).data;
  const before = window.before;
  window.before = now;
  let colours = new Set(), differ = 0;
  for (let i = 0; i < now.length; i += 4) {
    colours.add(now[i] << 16 | now[i + 1] << 8 | now[i + 2]);
    if (before && Math.abs(now[i] - before[i]) + Math.abs(now[i + 1] - before[i + 1]) > 40) differ++;
  }
  window.changes = (window.changes ?? 0) + (differ > 5 ? 1 : 0);
  return colours.size > 3 && window.changes >= 3;
}, undefined, { polling: 300, timeout: patience });

// hearing waits until the sound of somebody else is louder than silence.
const hearing = p => p.page.waitForFunction(() => {
  window.ears ??= new Map();
  for (const sound of document.querySelectorAll('audio[data-usher-user]')) {
    if (!sound.srcObject || sound.paused) continue;
    if (!window.ears.has(sound)) {
      const context = new AudioContext();
      const ear = context.createAnalyser();
      context.createMediaStreamSource(sound.srcObject).connect(ear);
      window.ears.set(sound, ear);
    }
    const wave = new Float32Array(2048);
    window.ears.get(sound).getFloatTimeDomainData(wave);
    if (Math.max(...wave.map(Math.abs)) > 0.05) return true;
  }
  return false;
}, undefined, { polling: 50, timeout: patience });

// wellMade checks what everybody needs of a page: names, contrast, width, no jumps.
// Where people come and go the grid has to move; there it is asked to lie still while nobody does.
async function wellMade(p, scene) {
  if (await p.page.locator('main.hall').count() > 0) {
    await p.page.evaluate(() => { window.shifted = 0; });
    await p.page.waitForTimeout(500);
  }
  const found = await p.page.evaluate(() => {
    const out = [];
    const shown = e => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && e.getClientRects().length > 0;
    for (const e of document.querySelectorAll('button, input, select, a, video[controls], [role=button]')) {
      if (shown(e) && !(e.labels?.length || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim())) out.push(`no name: ${e.outerHTML.slice(0, 120)}`);
      const box = e.getBoundingClientRect();
      if (shown(e) && e.matches('button, a') && (box.width < 24 || box.height < 24)) out.push(`${Math.round(box.width)}x${Math.round(box.height)} is too small to touch: ${e.outerHTML.slice(0, 120)}`);
    }
    const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
    if (new Set(ids).size !== ids.length) out.push('an id stands twice');
    if (!document.documentElement.lang || !document.title || document.querySelectorAll('h1').length !== 1) out.push('no language, no title, or not one h1');
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = c => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
    const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
    const light = c => { const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let n; (n = walker.nextNode());) {
      const e = n.parentElement;
      if (!n.textContent.trim() || !shown(e) || e.closest('.unseen, noscript, [aria-hidden=true], .tile, :disabled')) continue; // over pictures contrast isn't the style's alone
      let ground = [0, 0, 0, 0];
      for (let a = e; a; a = a.parentElement) { const c = rgba(getComputedStyle(a).backgroundColor); ground = over([...ground.slice(0, 3), ground[3]], c).map((v, i) => i < 3 ? v : Math.min(1, ground[3] + c[3])); if (c[3] === 1) break; }
      if (ground[3] < 1) ground = over(ground, matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18, 1] : [255, 255, 255, 1]);
      const ink = over(rgba(getComputedStyle(e).color), ground);
      const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
      const size = parseFloat(getComputedStyle(e).fontSize);
      if ((a + 0.05) / (b + 0.05) < (size >= 24 ? 3 : 4.5)) out.push(`contrast ${((a + 0.05) / (b + 0.05)).toFixed(1)}: “${n.textContent.trim().slice(0, 40)}”`);
    }
    if (document.documentElement.scrollWidth > innerWidth) out.push(`${document.documentElement.scrollWidth - innerWidth} px wider than the window`);
    if (window.shifted > 0.1) out.push(`the layout jumps: ${window.shifted.toFixed(2)}`);
    return out;
  });
  for (const f of new Set(found)) faults.push(`${scene}: ${f}`);
}
const shoot = (p, name) => p.page.screenshot({ path: `${folder}/rooms-${name}.png` });

const steps = {
  async 'two see and hear each other'() {
    seen.ada = await person('Ada');
    const { ada } = seen;
    await shoot(ada, 'lobby');
    await wellMade(ada, 'lobby');
    await fill(ada, { session: 'Cool Cars', passcode: 'Ilovecars!', host: true });
    await press(ada);
    await inHall(ada);
    seen.ben = await person('Ben', { width: 390, height: 800, colorScheme: 'dark' });
    const { ben } = seen;
    await shoot(ben, 'lobby-phone-dark');
    await wellMade(ben, 'lobby on a phone, dark');
    await fill(ben, { session: 'cool cars', passcode: 'Ilovecars!' });
    await ben.page.keyboard.press('Enter');
    await inHall(ben);
    await Promise.all([moving(ada), moving(ben), hearing(ada), hearing(ben)]);
    await shoot(ada, 'session');
    await shoot(ben, 'session-phone-dark');
    await wellMade(ada, 'session');
    await wellMade(ben, 'session on a phone, dark');
    await tool(ada, 'People').click();
    await ada.page.locator('aside.panel li', { hasText: 'Ben' }).waitFor();
    await shoot(ada, 'people');
    await wellMade(ada, 'people');
  },
  async 'mute, camera and screen'() {
    const { ada, ben } = seen;
    await tool(ben, 'Mute').click();
    await ada.page.locator('li.tile:not(.self) [data-mic=muted]').waitFor();
    await tool(ben, 'Unmute').click();
    await ada.page.locator('li.tile:not(.self) [data-mic=on]').waitFor({ state: 'attached' });
    await tool(ben, 'Stop video').click();
    await ada.page.locator('li.tile.dark:not(.self)').waitFor();
    await tool(ben, 'Start video').click();
    await ada.page.locator('li.tile:not(.dark):not(.self)').waitFor();
    await tool(ada, 'Share').click();
    await ben.page.locator('section.screen video').waitFor();
    await tool(ada, 'Stop sharing').click();
    await ben.page.locator('section.screen').waitFor({ state: 'hidden' });
  },
  async 'refusals'() {
    for (const [what, link, session, passcode, says] of [
      ['a forged signature', `#session=Cool+Cars&passcode=Ilovecars!&signature=${made.forged}`, '', '', 'not issued by this server'],
      ['an expired signature', `#session=Cool+Cars&passcode=Ilovecars!&signature=${made.expired}`, '', '', 'has expired'],
      ['a signature for another session', `#session=Cool+Cars&passcode=Ilovecars!&signature=${made.elsewhere}`, '', '', 'invited to another session'],
      ['a wrong passcode', '', 'Cool Cars', 'wrong', 'passcode is wrong'],
    ]) {
      const p = await person('Mallory', { link });
      await fill(p, { session, passcode });
      await press(p);
      const said = await refusal(p);
      expect(said.includes(says), `${what}: the page says “${said}”`);
      expect(await p.page.locator('main.hall').count() === 0, `${what}: somebody came in`);
      if (what === 'a wrong passcode') {
        await shoot(p, 'refusal');
        await wellMade(p, 'refusal');
        expect(await p.page.evaluate(() => document.activeElement?.id) === 'passcode', 'a wrong passcode: the field that is to change has no focus');
      }
      await p.context.close();
    }
  },
  async 'an invite lets one in'() {
    const { ada } = seen;
    await tool(ada, 'Invite').click();
    await ada.page.waitForFunction(() => /#.*invite=usher_i_/.test(document.querySelector('#link')?.value ?? ''));
    await shoot(ada, 'invite');
    await wellMade(ada, 'invite');
    const link = new URL(await ada.page.locator('#link').inputValue());
    await ada.page.locator('dialog button', { hasText: 'Close' }).click();
    const grace = await person('Grace', { link: '/lobby/' + link.hash });
    await fill(grace, {});
    await press(grace);
    await inHall(grace);
    await moving(grace);
    const late = await person('Late', { link: '/lobby/' + link.hash });
    await fill(late, {});
    await press(late);
    const said = await refusal(late);
    expect(said.includes('lets nobody else in'), `a used-up invite: the page says “${said}”`);
    await late.context.close();
    await tool(grace, 'Leave').click();
    await title(grace, 'You have left');
    await grace.context.close();
  },
  async 'the host locks and removes'() {
    const { ada, ben } = seen;
    await ada.page.locator('aside.panel button', { hasText: 'Lock session' }).click();
    await ada.page.locator('.badge', { hasText: 'Locked' }).waitFor();
    const outside = await person('Otto');
    await fill(outside, { session: 'Cool Cars', passcode: 'Ilovecars!' });
    await press(outside);
    const said = await refusal(outside);
    expect(said.includes('locked'), `a locked session: the page says “${said}”`);
    await outside.context.close();
    await ada.page.locator('aside.panel button', { hasText: 'Unlock session' }).click();
    await ada.page.locator('aside.panel li', { hasText: 'Ben' }).locator('button', { hasText: 'Remove' }).click();
    await title(ben, 'A host removed you');
    await shoot(ben, 'removed');
    
    await ben.context.close();
  },
  async 'the waiting room'() {
    const { ada } = seen;
    const hosting = await person('Doctor');
    await fill(hosting, { session: 'Clinic', host: true });
    await press(hosting);
    await inHall(hosting);
    const [one, two] = [await person('Paula'), await person('Quentin')];
    for (const p of [one, two]) {
      await fill(p, { session: 'Clinic' });
      await press(p);
      await title(p, 'A host will let you in soon');
    }
    await shoot(one, 'waiting');
    await wellMade(one, 'waiting');
    await tool(hosting, 'People').click();
    await hosting.page.locator('section.waiting li', { hasText: 'Paula' }).locator('button', { hasText: 'Let in' }).click();
    await inHall(one);
    await moving(one);
    await hosting.page.locator('section.waiting li', { hasText: 'Quentin' }).locator('button', { hasText: 'Turn away' }).click();
    const said = await refusal(two);
    expect(said.includes('did not let you in'), `turned away: the page says “${said}”`);
    await shoot(hosting, 'host');
    await tool(hosting, 'Leave').click();
    await hosting.page.locator('dialog button', { hasText: 'End for everybody' }).click();
    await title(one, 'The session has ended');
    for (const p of [hosting, one, two]) await p.context.close();
    await ada.context.close();
  },
};
for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
  } catch (e) {
    faults.push(`${name}: ${String(e.stack ?? e).split('\n').slice(0, 6).join(' | ')}`);
    for (const [i, context] of browser.contexts().entries()) for (const page of context.pages()) await page.screenshot({ path: `${folder}/rooms-fault-${name.replaceAll(' ', '-')}-${i}.png` }).catch(() => {});
    break;
  }
}
await browser.close();
console.log(JSON.stringify({ faults }));
