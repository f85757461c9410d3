package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/usher-sessions/usher/videosdk"
)

// What everybody signs: a host's signature of about 300 bytes, as Zoom's UI
// toolkit samples ask for it, with ids.
const (
	sdkKey    = "benchVideoSdkKey123456"
	sdkSecret = "bench-secret-of-forty-bytes-0123456789ab"
	userKey   = "user-0001"
	session   = "Cool Cars"
	life      = 2 * time.Hour
)

// A contender signs n times and returns the last signature, or what it has in its place.
type contender struct {
	name string
	sign func(n int) (string, error)
	took func() time.Duration // how long sign took by its own clock; nil where it has none

	ns     series // a signature
	allocs series // a signature; none where they can't be counted
}

// signing measures one signature, made by each contender in turns.
func signing(ctx context.Context, p plan, b *built) ([]row, error) {
	progress("signing")
	node, err := startChild(ctx, nodeDir, "node", "sign.js")
	if err != nil {
		return nil, err
	}
	defer node.stop()
	livekit, err := startChild(ctx, ".", b.livekit)
	if err != nil {
		return nil, err
	}
	defer livekit.stop()
	contenders, err := signers(livekit, node)
	if err != nil {
		return nil, err
	}
	if err := agree(contenders); err != nil {
		return nil, err
	}
	if err := inTurns(ctx, p, contenders); err != nil {
		return nil, err
	}
	return signRows(contenders), nil
}

// The places of contenders in what signers returns.
const (
	byUsher = iota
	byHMAC
	byNewHMAC
	byJWTStruct
	byJWTMap
	byLiveKit
	byNode
)

func signers(livekit, node *child) ([]*contender, error) {
	signer, err := videosdk.NewSigner(videosdk.Credentials{Key: sdkKey, Secret: sdkSecret})
	if err != nil {
		return nil, err
	}
	webRTC := 1
	grant := videosdk.Grant{SessionName: session, Role: videosdk.Host, UserKey: userKey, VideoWebRTCMode: &webRTC}
	sample, err := signer.Sign(grant, time.Now())
	if err != nil {
		return nil, err
	}
	signed := []byte(sample[:strings.LastIndexByte(sample, '.')])
	secret := []byte(sdkSecret)
	mac := hmac.New(sha256.New, secret)
	sum := make([]byte, 0, sha256.Size)

	return []*contender{
		byUsher: {name: "Usher", sign: func(n int) (s string, err error) {
			now := time.Now()
			for range n {
				if s, err = signer.Sign(grant, now); err != nil {
					return "", err
				}
			}
			return s, nil
		}},
		byHMAC: {name: fmt.Sprintf("bare HMAC-SHA256 over the same %d bytes", len(signed)), sign: func(n int) (string, error) {
			for range n {
				mac.Reset()
				mac.Write(signed)
				sum = mac.Sum(sum[:0])
			}
			return sample, nil
		}},
		byNewHMAC: {name: "bare HMAC-SHA256, `hmac.New` each time", sign: func(n int) (string, error) {
			for range n {
				m := hmac.New(sha256.New, secret)
				m.Write(signed)
				sum = m.Sum(sum[:0])
			}
			return sample, nil
		}},
		byJWTStruct: {name: "golang-jwt, claims as a struct", sign: func(n int) (s string, err error) {
			now := time.Now()
			for range n {
				t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwtClaims{
					AppKey: sdkKey, RoleType: 1, Topic: session, Version: 1, UserKey: userKey, UserIdentity: userKey, VideoWebRTCMode: webRTC,
					RegisteredClaims: jwt.RegisteredClaims{IssuedAt: jwt.NewNumericDate(now.Add(-30 * time.Second)), ExpiresAt: jwt.NewNumericDate(now.Add(life))},
				})
				if s, err = t.SignedString(secret); err != nil {
					return "", err
				}
			}
			return s, nil
		}},
		byJWTMap: {name: "golang-jwt, claims as a map", sign: func(n int) (s string, err error) {
			now := time.Now().Unix()
			for range n {
				t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
					"app_key": sdkKey, "role_type": 1, "tpc": session, "version": 1, "iat": now - 30, "exp": now + int64(life/time.Second),
					"user_key": userKey, "user_identity": userKey, "video_webrtc_mode": webRTC,
				})
				if s, err = t.SignedString(secret); err != nil {
					return "", err
				}
			}
			return s, nil
		}},
		byLiveKit: {name: "LiveKit's protocol/auth, a token of its own kind", sign: livekit.sign, took: livekit.own},
		byNode:    {name: "jsrsasign on Node", sign: node.sign, took: node.own},
	}, nil
}

// jwtClaims are Zoom's claims as a user of golang-jwt would write them down.
type jwtClaims struct {
	AppKey   string `json:"app_key"`
	RoleType int    `json:"role_type"`
	Topic    string `json:"tpc"`
	Version  int    `json:"version"`
	jwt.RegisteredClaims
	UserKey         string `json:"user_key,omitempty"`
	UserIdentity    string `json:"user_identity,omitempty"`
	VideoWebRTCMode int    `json:"video_webrtc_mode"`
}

// agree checks that every contender makes a sound token and, LiveKit apart,
// that they all say the same, so that like is measured beside like.
func agree(contenders []*contender) error {
	var want map[string]any
	for i, c := range contenders {
		token, err := c.sign(1)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		claims := jwt.MapClaims{}
		if _, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return []byte(sdkSecret), nil }, jwt.WithValidMethods([]string{"HS256"})); err != nil {
			return fmt.Errorf("%s made a token that doesn't verify: %w", c.name, err)
		}
		delete(claims, "iat") // these differ by when they were made
		delete(claims, "exp")
		switch {
		case i == byUsher:
			want = claims
		case i != byLiveKit && fmt.Sprint(want) != fmt.Sprint(map[string]any(claims)):
			return fmt.Errorf("%s signed %v, Usher %v", c.name, claims, want)
		}
	}
	return nil
}

// inTurns measures the contenders in turns.
func inTurns(ctx context.Context, p plan, contenders []*contender) error {
	times := make([]int, len(contenders))
	for i, c := range contenders {
		var err error
		if times[i], err = calibrate(c, p.signTime); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for round := range p.signRounds {
		for _, i := range turn(len(contenders), round) {
			if err := contenders[i].measure(times[i]); err != nil {
				return fmt.Errorf("%s: %w", contenders[i].name, err)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// calibrate returns how often c signs in about d, once it is warm.
func calibrate(c *contender, d time.Duration) (int, error) {
	for n := 1; ; n *= 2 {
		begun := time.Now()
		if _, err := c.sign(n); err != nil {
			return 0, err
		}
		if took := time.Since(begun); took >= d {
			return max(1, int(float64(n)*float64(d)/float64(took))), nil
		}
	}
}

// measure adds one round to c's figures.
func (c *contender) measure(n int) error {
	runtime.GC() // everybody begins with an empty heap
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	_, err := c.sign(n)
	took := time.Since(begun)
	if c.took != nil {
		took = c.took()
	}
	runtime.ReadMemStats(&after)
	c.ns = append(c.ns, float64(took.Nanoseconds())/float64(n))
	c.allocs = append(c.allocs, float64((after.Mallocs-before.Mallocs)/uint64(n)))
	return err
}

func signRows(cs []*contender) []row {
	us := cs[byUsher]
	var rows []row
	for i, c := range cs {
		if i == byUsher {
			continue
		}
		r := row{what: "signing, ns a signature", ours: number(us.ns.median()), peer: c.name, theirs: number(c.ns.median())}
		switch i {
		case byHMAC, byNewHMAC: // how much more than the least there is to do
			r.ratio = us.ns.over(c.ns)
		default: // how much faster
			r.ratio = c.ns.over(us.ns)
		}
		switch i {
		case byHMAC:
			r.goal = atMost(2.5, "≤ 2.5×")
		case byJWTStruct, byJWTMap:
			r.goal = atLeast(5, "≥ 5×")
		}
		rows = append(rows, r)
	}
	besides := max(0, us.allocs.median()-1)
	allocs := row{what: "signing, allocations besides the returned string", ours: number(besides), measured: &besides, goal: atMost(1, "≤ 1")}
	allocs.peer, allocs.theirs = cs[byJWTStruct].name, number(cs[byJWTStruct].allocs.median()-1)
	return append(rows, allocs)
}
