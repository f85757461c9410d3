// Uses the page of `usher dev` as a person does, by keyboard where it can, in
// each of: wide and phone, light and dark. Arguments: the page's address and a
// folder for screenshots. It prints one line of JSON: {"faults":[…]}.
import { chromium } from 'playwright-core';

const [address, folder] = process.argv.slice(2);
const faults = [];
const expect = (ok, what) => { if (!ok) faults.push(what); };

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1200, 390]) {
      const scene = `${colorScheme}-${width}`;
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
      const page = await context.newPage();
      page.on('console', m => { if (m.type() === 'error' && !m.text().includes('400')) faults.push(`${scene}: console: ${m.text()}`); });
      page.on('pageerror', e => faults.push(`${scene}: ${e}`));
      page.on('request', r => { if (new URL(r.url()).origin !== new URL(address).origin) faults.push(`${scene}: asks ${r.url()}`); });
      await page.goto(address);

      // Every control has a name for a screen reader.
      const unnamed = await page.$$eval('input, textarea, select, button', all => all
        .filter(e => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())).map(e => e.outerHTML));
      expect(unnamed.length === 0, `${scene}: controls without a name: ${unnamed}`);

      // Make a signature by keyboard alone.
      await page.locator('#sessionName').focus();
      await page.keyboard.press('Control+A');
      await page.keyboard.type('Cool Cars');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => /eyJ[\w-]+\.[\w-]+\.[\w-]{43}/.test(document.querySelector('#signed').textContent));
      const signature = (await page.locator('#signed').textContent()).match(/eyJ[\w-]+\.[\w-]+\.[\w-]{43}/)[0];

      // A fault is said beside what has it.
      await page.locator('#sessionName').fill('Autos*');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelector('#sign').parentElement.textContent.includes("'*'"));

      // Inspect it, as joined under another name.
      await page.locator('#token').fill(signature);
      await page.locator('#joined').fill('Cool Cats');
      await page.locator('#joined').press('Enter');
      await page.waitForFunction(() => /name/i.test(document.querySelector('#inspected').textContent));
      const said = await page.locator('#inspected').textContent();
      expect(said.includes('Cool Cats') || said.includes('cool cats'), `${scene}: the finding doesn't name the session joined: ${said}`);

      expect(/was made with this server’s SDK secret/.test(said) && !/damaged/.test(said), `${scene}: the page's own signature isn't told to verify: ${said}`);

      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow <= 0, `${scene}: ${overflow} px wider than the window`);
      await page.screenshot({ path: `${folder}/page-${scene}.png`, fullPage: true });
      await context.close();
    }
  }
} catch (e) {
  faults.push(String(e));
} finally {
  await browser.close();
}
console.log(JSON.stringify({ faults }));
