package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// KeyFrom makes the key that signs checkpoints from a secret of the
// configuration, at least 16 random bytes. The same secret gives the same key,
// so every replica signs alike, and the database never holds it.
func KeyFrom(secret []byte) (ed25519.PrivateKey, error) {
	if len(secret) < 16 {
		return nil, fmt.Errorf("ledger: the secret for signing checkpoints has %d bytes, it must have at least 16", len(secret))
	}
	seed, err := hkdf.Key(sha256.New, secret, nil, "usher ledger checkpoints 1", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Public returns the public keys of keys, with which [Verify] checks.
func Public(keys []ed25519.PrivateKey) []ed25519.PublicKey {
	out := make([]ed25519.PublicKey, len(keys))
	for i, k := range keys {
		out[i] = k.Public().(ed25519.PublicKey)
	}
	return out
}

// A Checkpoint says, signed, how far each chain had come at a time, and up to
// where rows were removed for their age.
type Checkpoint struct {
	Time  time.Time `json:"time"`
	Heads []Mark    `json:"heads"`
	// Bases are the last rows that retention removed; the rows after them carry on.
	Bases     []Mark `json:"bases,omitempty"`
	Key       string `json:"key"`       // the public key, in hex
	Signature string `json:"signature"` // Ed25519 over all of the above, in hex
}

// A Mark is one row of a chain.
type Mark struct {
	Writer string `json:"writer"`
	Number int64  `json:"number"`
	Hash   Digest `json:"hash"`
}

// A Digest is a SHA-256, in hex outside of the program.
type Digest [32]byte

// MarshalText returns d in hex.
func (d Digest) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(d[:])), nil }

// UnmarshalText reads 64 hex digits.
func (d *Digest) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(d) {
		return errors.New("ledger: a hash must be 64 hex digits")
	}
	copy(d[:], b)
	return nil
}

// signed is what the signature is made over: the fields in their order, in the
// encoding of rows (see appendRow), lists with their length in front.
func (c *Checkpoint) signed() []byte {
	b := appendTime(appendText(nil, "usher ledger checkpoint 1"), c.Time)
	for _, marks := range [][]Mark{c.Heads, c.Bases} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(marks)))
		for _, m := range marks {
			b = binary.BigEndian.AppendUint64(appendText(b, m.Writer), uint64(m.Number))
			b = append(b, m.Hash[:]...)
		}
	}
	return b
}

func (c *Checkpoint) sign(key ed25519.PrivateKey) {
	c.Key = hex.EncodeToString(key.Public().(ed25519.PublicKey))
	c.Signature = hex.EncodeToString(ed25519.Sign(key, c.signed()))
}

// check returns why none of keys has signed c, or nil.
func (c *Checkpoint) check(keys []ed25519.PublicKey) error {
	signature, err := hex.DecodeString(c.Signature)
	if err != nil {
		return errors.New("its signature is not hex")
	}
	for _, k := range keys {
		if ed25519.Verify(k, c.signed(), signature) {
			return nil
		}
	}
	return errors.New("none of the known keys has signed it")
}

// ParseCheckpoint reads a checkpoint as it was exported. It doesn't check the signature.
func ParseCheckpoint(b []byte) (*Checkpoint, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var c Checkpoint
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("ledger: not a checkpoint: %w", err)
	}
	return &c, nil
}

// base returns the last row of writer that retention removed; number 0 if none was.
func (c *Checkpoint) base(writer string) Mark {
	if c != nil {
		if i := slices.IndexFunc(c.Bases, func(m Mark) bool { return m.Writer == writer }); i >= 0 {
			return c.Bases[i]
		}
	}
	return Mark{Writer: writer}
}

// Shelf is where checkpoints are kept: beside the rows.
type Shelf interface {
	// LastCheckpoint returns the newest checkpoint and its id; nil and 0 if there is none.
	LastCheckpoint(ctx context.Context) (id int64, body []byte, err error)
	// SaveCheckpoint gives conflict if there is one with that id.
	SaveCheckpoint(ctx context.Context, id int64, at time.Time, body []byte) error
}

// ErrTampered says that something was found that Verify names.
var ErrTampered = errors.New("ledger: the ledger was tampered with or damaged; verify it to see where")

// NewCheckpoint signs the present heads, keeps the checkpoint beside the rows and
// returns it to be exported. The rows since the checkpoint before are verified
// first: what was tampered with isn't signed (ErrTampered). The first of keys
// signs; each may have signed the one before.
func NewCheckpoint(ctx context.Context, a Archive, keys []ed25519.PrivateKey, now time.Time) (*Checkpoint, error) {
	v, err := examine(ctx, a, VerifyOptions{Keys: Public(keys), Most: 1}, true)
	if err == nil {
		err = v.tampered()
	}
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Time: now.UTC().Truncate(time.Microsecond)}
	for _, h := range v.heads {
		c.Heads = append(c.Heads, Mark{h.Writer, h.Number, h.Hash})
	}
	if v.newest != nil {
		c.Bases = v.newest.Bases
	}
	return c, save(ctx, a, v.checkpoint+1, c, keys)
}

func save(ctx context.Context, s Shelf, id int64, c *Checkpoint, keys []ed25519.PrivateKey) error {
	c.sign(keys[0])
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.SaveCheckpoint(ctx, id, c.Time, body)
}
