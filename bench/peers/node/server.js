'use strict';
// The endpoint that people run today, in small: Express, cors for any origin,
// a checked body, a signature by jsrsasign. It does what Zoom's sample
// documents, and was written for this comparison.
const express = require('express');
const cors = require('cors');
const { KJUR } = require('jsrsasign');

const key = process.env.ZOOM_VIDEO_SDK_KEY;
const secret = process.env.ZOOM_VIDEO_SDK_SECRET;
const regions = ['AU', 'BR', 'CA', 'CN', 'DE', 'HK', 'IN', 'JP', 'MX', 'NL', 'SG', 'US'];

const given = (v) => v !== undefined && v !== null;
const toInt = (v) => (typeof v === 'string' ? Number.parseInt(v, 10) : v);

// A check returns what is wrong with a value, or nothing.
const text = (max) => (v) => {
  if (typeof v !== 'string') return 'must be text';
  if (v.length > max) return `has ${v.length} characters, at most ${max} are allowed`;
};
const oneOf = (...allowed) => (v) => {
  if (!allowed.includes(toInt(v))) return `must be one of ${allowed.join(', ')}`;
};
const range = (low, high) => (v) => {
  const n = toInt(v);
  if (!Number.isFinite(n) || n < low || n > high) return `must be from ${low} to ${high}`;
};
const listOf = (allowed) => (v) => {
  const items = Array.isArray(v) ? v : typeof v === 'string' ? v.split(',') : [v];
  if (!items.every((item) => allowed.includes(String(item).trim()))) return `must be among ${allowed.join(', ')}`;
};

const required = ['role', 'sessionName'];
const checks = {
  role: oneOf(0, 1),
  sessionName: text(200),
  expirationSeconds: range(1800, 172800),
  userIdentity: text(35),
  sessionKey: text(36),
  geoRegions: listOf(regions),
  cloudRecordingOption: oneOf(0, 1),
  cloudRecordingElection: oneOf(0, 1),
  videoWebRtcMode: oneOf(0, 1),
  audioWebRtcMode: oneOf(0, 1),
};

function faultsOf(body) {
  const faults = [];
  for (const [property, check] of Object.entries(checks)) {
    const value = body[property];
    const reason = given(value) ? check(value) : required.includes(property) ? 'is required' : undefined;
    if (reason) faults.push({ property, reason });
  }
  return faults;
}

function claimsOf(body) {
  const iat = Math.floor(Date.now() / 1000);
  const number = (v) => (given(v) ? toInt(v) : undefined);
  return {
    app_key: key,
    role_type: toInt(body.role),
    tpc: body.sessionName,
    version: 1,
    iat,
    exp: iat + (number(body.expirationSeconds) ?? 7200),
    user_identity: body.userIdentity ?? undefined,
    session_key: body.sessionKey ?? undefined,
    geo_regions: given(body.geoRegions) ? [].concat(body.geoRegions).join(',').replaceAll(' ', '') : undefined,
    cloud_recording_option: number(body.cloudRecordingOption),
    cloud_recording_election: number(body.cloudRecordingElection),
    telemetry_tracking_id: body.telemetryTrackingId ?? undefined,
    video_webrtc_mode: number(body.videoWebRtcMode),
    audio_webrtc_mode: number(body.audioWebRtcMode),
  };
}

const app = express();
app.use(express.json(), cors());
app.options('/', cors());
app.post('/', (req, res) => {
  const body = req.body ?? {};
  const errors = faultsOf(body);
  if (errors.length > 0) return res.status(400).json({ errors });
  const header = JSON.stringify({ alg: 'HS256', typ: 'JWT' });
  return res.json({ signature: KJUR.jws.JWS.sign('HS256', header, JSON.stringify(claimsOf(body)), secret) });
});
app.listen(Number(process.env.PORT), '127.0.0.1');
