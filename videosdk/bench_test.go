package videosdk

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

// The figures that are published come from "make bench"; these are for looking
// closer at one of them: go test ./videosdk -run '^$' -bench . -benchmem.

var (
	benchCredentials = Credentials{Key: "Kx8TzQb1R9mW4vLd7YpN2g", Secret: "pL3nV8sQ2xW7bT5yC9mK4rJ6hD1gF0zA8eUq"}
	benchGrant       = Grant{SessionName: "Cool Cars", Role: Host, UserKey: "user-0001", VideoWebRTCMode: new(1)}
	benchNow         = time.Unix(1782907200, 0)
)

func benchToken(b *testing.B) (*Signer, string) {
	b.Helper()
	s, err := NewSigner(benchCredentials)
	if err != nil {
		b.Fatal(err)
	}
	token, err := s.Sign(benchGrant, benchNow)
	if err != nil {
		b.Fatal(err)
	}
	return s, token
}

func BenchmarkSign(b *testing.B) {
	s, _ := benchToken(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(benchGrant, benchNow); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	_, token := benchToken(b)
	v, err := NewVerifier([]Credentials{benchCredentials})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(token, benchNow); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareHMAC is what no signer can go below: the MAC of the same bytes, nothing else.
func BenchmarkBareHMAC(b *testing.B) {
	_, token := benchToken(b)
	input := []byte(token[:strings.LastIndexByte(token, '.')])
	mac := hmac.New(sha256.New, []byte(benchCredentials.Secret))
	sum := make([]byte, 0, sha256.Size)
	b.ReportAllocs()
	for b.Loop() {
		mac.Reset()
		mac.Write(input)
		sum = mac.Sum(sum[:0])
	}
}
