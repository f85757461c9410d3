// What other implementations say about signatures. Reads one JSON object a
// line, writes one JSON object a line, in the same order:
//
//   {"op":"sign","header":"…","payload":"…","secret":"…","token":"…","now":1782907200}
//     header and payload as JSON text
//     -> {"token":"…",        what jsrsasign signs from header, payload and secret
//         "plain":"…"|null,   the same with the secret given as Zoom's sample gives it; null if jsrsasign would take it for hexadecimal or Latin-1
//         "foreign":"…",      a token of jsrsasign's with the same claims in reverse order and another header
//         "jsrsasign":true,   whether jsrsasign verifies token at now
//         "node":true}        whether Node's crypto does (the MAC alone)
//
//   {"op":"verify","secret":"…","token":"…","now":1782907200}
//     -> {"jsrsasign":true,"node":true}
import { createHmac, timingSafeEqual } from "node:crypto";
import { createInterface } from "node:readline";
import jsrsasign from "jsrsasign";

const { KJUR } = jsrsasign;

function jsrsasignVerifies({ token, secret, now }) {
  try {
    return KJUR.jws.JWS.verifyJWT(token, { utf8: secret }, { alg: ["HS256"], verifyAt: now });
  } catch {
    return false; // it throws for some of what it refuses
  }
}

function nodeVerifies({ token, secret }) {
  const dot = token.lastIndexOf(".");
  const given = Buffer.from(token.slice(dot + 1), "base64url");
  const made = createHmac("sha256", secret).update(token.slice(0, Math.max(dot, 0))).digest();
  return given.length === made.length && timingSafeEqual(given, made);
}

function sign(request) {
  const header = JSON.parse(request.header);
  const payload = JSON.parse(request.payload);
  const utf8 = { utf8: request.secret };
  const misread = /^([0-9A-Fa-f]{2})+$/.test(request.secret) || /[^\x00-\x7f]/.test(request.secret);
  const reversed = Object.fromEntries(Object.entries(payload).reverse());
  return {
    token: KJUR.jws.JWS.sign("HS256", header, payload, utf8),
    plain: misread ? null : KJUR.jws.JWS.sign("HS256", request.header, request.payload, request.secret),
    foreign: KJUR.jws.JWS.sign("HS256", { typ: "JWT", alg: "HS256", kid: "1" }, reversed, utf8),
    jsrsasign: jsrsasignVerifies(request),
    node: nodeVerifies(request),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const answer = request.op === "sign" ? sign(request) : { jsrsasign: jsrsasignVerifies(request), node: nodeVerifies(request) };
  process.stdout.write(JSON.stringify(answer) + "\n");
}
