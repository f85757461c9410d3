// A real OpenID provider (oidc-provider) in a process of its own, for the tests
// of sign-in in internal/caller. It prints one line of JSON with its issuer once
// it listens, and ends when its standard input does.
//
//   node op.mjs [port]
//
// People: anyone may sign in under any name with any password; who signs in as
// NAME has the claims name "Name of NAME", email NAME@example.org and the groups
// staff and NAME-friends. Clients: "app" and "other", public, with PKCE.
//
// What the tests can do to it:
//
//   POST /test/rotate          new signing keys take the place of the old
//   POST /test/fail?status=N   discovery and keys answer with N; 0 ends that
//   GET  /test/hits            {"discovery","keys"}: how often each was fetched
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const api = 'https://usher.example.org/api';
const algorithms = ['RS256', 'PS384', 'ES256', 'EdDSA'];
const hits = { discovery: 0, keys: 0 };
let failing = 0;
let provider;

function keySet() {
  const make = (type, options, alg) => ({
    ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomUUID(),
  });
  return { keys: [
    make('rsa', { modulusLength: 2048 }, 'RS256'),
    make('rsa', { modulusLength: 2048 }, 'PS384'),
    make('ec', { namedCurve: 'P-256' }, 'ES256'),
    make('ed25519', {}, 'EdDSA'),
  ] };
}

function newProvider(issuer) {
  const client = (id, more) => ({
    client_id: id, token_endpoint_auth_method: 'none', grant_types: ['authorization_code'], response_types: ['code'],
    redirect_uris: ['http://127.0.0.1/signed-in'], application_type: 'native', ...more,
  });
  return new Provider(issuer, {
    jwks: keySet(),
    clients: [
      client('app', {}),
      client('other', {}),
      ...algorithms.map((alg) => client(`app-${alg}`, { id_token_signed_response_alg: alg })),
    ],
    enabledJWA: { idTokenSigningAlgValues: algorithms },
    conformIdTokenClaims: false, // claims of the scopes stand in the ID token, as at most providers
    claims: { openid: ['sub', 'groups'], profile: ['name'], email: ['email', 'email_verified'] },
    cookies: { keys: [randomUUID()] },
    ttl: { IdToken: 3600, AccessToken: 3600, Grant: 3600, Session: 3600, Interaction: 600 },
    findAccount: (_, id) => ({ accountId: id, claims: () => claimsOf(id) }),
    extraTokenClaims: (_, token) => token.accountId && { name: claimsOf(token.accountId).name, groups: claimsOf(token.accountId).groups },
    features: {
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: () => ({ scope: 'join', audience: api, accessTokenTTL: 3600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
      },
    },
  });
}

function claimsOf(id) {
  return { sub: id, name: `Name of ${id}`, email: `${id}@example.org`, email_verified: !id.startsWith('unverified'), groups: ['staff', `${id}-friends`] };
}

const server = createServer((req, res) => {
  const url = new URL(req.url, provider.issuer);
  const say = (status, what) => { res.writeHead(status, { 'content-type': 'application/json' }); res.end(JSON.stringify(what)); };
  switch (`${req.method} ${url.pathname}`) {
    case 'POST /test/rotate':
      provider = newProvider(provider.issuer);
      return say(200, {});
    case 'POST /test/fail':
      failing = Number(url.searchParams.get('status'));
      return say(200, {});
    case 'GET /test/hits':
      return say(200, hits);
    case 'GET /.well-known/openid-configuration':
      hits.discovery++;
      if (failing) return say(failing, { error: 'failing' });
      break;
    case 'GET /jwks':
      hits.keys++;
      if (failing) return say(failing, { error: 'failing' });
      break;
  }
  provider.callback()(req, res);
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  provider = newProvider(issuer);
  console.log(JSON.stringify({ issuer, api }));
});
process.stdin.on('end', () => process.exit(0)).resume();
