// Signs somebody in at the provider of op.mjs, as a browser would, and prints
// the ID token: node sign-in.mjs NAME [PORT]
import { createHash, randomBytes } from 'node:crypto';

const [name, port = '4010'] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const redirect = 'http://127.0.0.1/signed-in';
const verifier = randomBytes(32).toString('base64url');
const cookies = new Map();

// follow fetches url and what it leads to, until a page or the app's own address.
async function follow(url, form) {
  for (let body = form && new URLSearchParams(form); ;) {
    const res = await fetch(url, {
      method: body ? 'POST' : 'GET', body, redirect: 'manual',
      headers: { cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join('; ') },
    });
    for (const c of res.headers.getSetCookie()) {
      const [k, v] = c.split(';')[0].split('=');
      cookies.set(k, v);
    }
    const to = res.headers.get('location');
    if (!to) return { url, res };
    url = new URL(to, url);
    if (url.href.startsWith(redirect)) return { url, res };
    body = undefined;
  }
}

let page = await follow(new URL(`${issuer}/auth?${new URLSearchParams({
  client_id: 'app', response_type: 'code', scope: 'openid profile', redirect_uri: redirect,
  code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
})}`));
page = await follow(page.url, { prompt: 'login', login: name, password: 'any' });
page = await follow(page.url, { prompt: 'consent' });
const code = page.url.searchParams.get('code');
const answer = await fetch(`${issuer}/token`, {
  method: 'POST',
  body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirect, client_id: 'app', code_verifier: verifier }),
});
const tokens = await answer.json();
if (!tokens.id_token) {
  console.error(tokens);
  process.exit(1);
}
console.log(tokens.id_token);
