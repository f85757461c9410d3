'use strict';
// Signs with jsrsasign as often as each line of its input says, and answers
// each with the last token and how long they took by its own clock.
const { KJUR } = require('jsrsasign');

function sign({ key, secret, sessionName, userKey, life }) {
  const iat = Math.floor(Date.now() / 1000) - 30;
  const header = JSON.stringify({ alg: 'HS256', typ: 'JWT' });
  const payload = JSON.stringify({
    app_key: key,
    role_type: 1,
    tpc: sessionName,
    version: 1,
    iat,
    exp: iat + 30 + life,
    user_key: userKey,
    user_identity: userKey,
    video_webrtc_mode: 1,
  });
  return KJUR.jws.JWS.sign('HS256', header, payload, secret);
}

require('readline')
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const ask = JSON.parse(line);
    let token;
    const begun = process.hrtime.bigint();
    for (let i = 0; i < ask.n; i++) token = sign(ask);
    const nanoseconds = Number(process.hrtime.bigint() - begun);
    process.stdout.write(JSON.stringify({ token, nanoseconds }) + '\n');
  });
