package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
)

// A Sealer encrypts what the store must be able to read again, with AES-256-GCM.
// The first of its keys seals, each of them opens; so a key is changed by putting
// a new one in front and taking the old one away once nothing is sealed with it.
//
// What is sealed is bound to a purpose and the id of the row it stands in: a
// sealed value that is copied into another row doesn't open there.
type Sealer struct {
	keys []sealKey
}

type sealKey struct {
	id   [4]byte // first bytes of the key's SHA-256 under a label: says which key opens
	aead cipher.AEAD
	mac  []byte // key of marks
}

const (
	sealVersion   = 1
	sealHead      = 1 + 4 // version and key id stand in front
	sealKeyLength = 32
)

// NewSealer returns a Sealer with keys of 32 random bytes each.
func NewSealer(keys ...[]byte) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("store: no storage key given; make one of 32 random bytes")
	}
	s := &Sealer{}
	for i, k := range keys {
		if len(k) != sealKeyLength {
			return nil, fmt.Errorf("store: storage key %d has %d bytes, it must have %d", i+1, len(k), sealKeyLength)
		}
		block, err := aes.NewCipher(k)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("usher storage key id\x00"), k...))
		mac, err := hkdf.Key(sha256.New, k, nil, "usher marks 1", sha256.Size)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, sealKey{id: [4]byte(sum[:4]), aead: aead, mac: mac})
	}
	return s, nil
}

// Seal encrypts plain for the row with that id; what is empty stays empty.
func (s *Sealer) Seal(purpose, id string, plain []byte) ([]byte, error) {
	if len(plain) == 0 {
		return []byte{}, nil
	}
	if s == nil {
		return nil, errNoSealer
	}
	k := s.keys[0]
	out := append(make([]byte, 0, sealHead+len(plain)+k.aead.Overhead()), sealVersion)
	out = append(out, k.id[:]...)
	return k.aead.Seal(out, nil, plain, sealedFor(purpose, id)), nil
}

// Open decrypts what Seal made for that purpose and row.
func (s *Sealer) Open(purpose, id string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	if s == nil {
		return nil, errNoSealer
	}
	if sealed[0] != sealVersion || len(sealed) < sealHead {
		return nil, fmt.Errorf("store: the sealed %s of %s has no form that this program knows", purpose, id)
	}
	for _, k := range s.keys {
		if [4]byte(sealed[1:sealHead]) != k.id {
			continue
		}
		if plain, err := k.aead.Open(nil, nil, sealed[sealHead:], sealedFor(purpose, id)); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("store: none of the %d storage keys opens the %s of %s; was a key taken away too early?", len(s.keys), purpose, id)
}

// mark returns what tells plain from others in the row with that id, and tells
// nothing else to who doesn't have the key.
func (s *Sealer) mark(purpose, id string, plain []byte) []byte {
	return s.keys[0].mark(purpose, id, plain)
}

// marked reports whether one of the keys made mark of plain.
func (s *Sealer) marked(mark []byte, purpose, id string, plain []byte) bool {
	for i := range s.keys {
		if hmac.Equal(mark, s.keys[i].mark(purpose, id, plain)) {
			return true
		}
	}
	return false
}

func (k *sealKey) mark(purpose, id string, plain []byte) []byte {
	h := hmac.New(sha256.New, k.mac)
	h.Write(append(sealedFor(purpose, id), 0))
	h.Write(plain)
	return h.Sum(nil)
}

// stale reports whether another key than the first sealed it.
func (s *Sealer) stale(sealed []byte) bool {
	return s != nil && len(sealed) >= sealHead && [4]byte(sealed[1:sealHead]) != s.keys[0].id
}

var errNoSealer = errors.New("store: no storage key is configured, so passcodes and answers can't be kept")

func sealedFor(purpose, id string) []byte { return []byte("usher 1\x00" + purpose + "\x00" + id) }
