package videosdk

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// hs256 makes the MACs of one secret, as RFC 7515 and RFC 7518 section 3.2
// define them, for the Signer and the Verifier alike. It is safe for use by many
// goroutines at once.
type hs256 struct {
	states sync.Pool // of *macState
}

// macState is what one signature needs while it is made or checked. Its MAC has
// the secret's key schedule done, which halves the work for a short message.
type macState struct {
	mac hash.Hash
	buf []byte
	sum [sha256.Size]byte
}

func newHS256(secret []byte) *hs256 {
	return &hs256{states: sync.Pool{New: func() any {
		return &macState{mac: hmac.New(sha256.New, secret), buf: make([]byte, 0, 1024)}
	}}}
}

func (k *hs256) get() *macState { return k.states.Get().(*macState) }

func (k *hs256) put(st *macState) { k.states.Put(st) }

// of returns the MAC of a signing input: header, dot, payload. It is valid until the next call.
func (st *macState) of(signingInput []byte) []byte {
	st.mac.Reset()
	st.mac.Write(signingInput)
	return st.mac.Sum(st.sum[:0])
}

// verifies reports whether mac is that of the signing input, in a time that doesn't depend on where they differ.
func (k *hs256) verifies(signingInput string, mac []byte) bool {
	st := k.get()
	defer k.put(st)
	st.buf = append(st.buf[:0], signingInput...)
	return hmac.Equal(st.of(st.buf), mac)
}
