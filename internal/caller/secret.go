package caller

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/usher-sessions/usher"
)

// The form of secrets that Usher makes: a prefix by which secret scanners and
// people know them, 30 random characters of [0-9A-Za-z] (178 bits), and 6 more
// that are the CRC-32 of all before them, in base 62: a slip of the keyboard or
// a lost end is told apart from a wrong key without asking the store.
//
//	usher_<30><6>    API key
//	usher_i_<30><6>  invite
const (
	KeyPrefix    = "usher_"
	InvitePrefix = "usher_i_"

	randomLen   = 30
	checksumLen = 6
)

const digits62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// A Hash is the SHA-256 of a secret, the form in which it is stored and looked up.
type Hash = [sha256.Size]byte

// NewKey makes the secret of an API key from random, for example crypto/rand.Reader.
func NewKey(random io.Reader) (secret string, hash Hash, err error) {
	return newSecret(KeyPrefix, random)
}

// NewInvite makes the code of an invite from random.
func NewInvite(random io.Reader) (code string, hash Hash, err error) {
	return newSecret(InvitePrefix, random)
}

// ParseKey returns the hash of an API key, or an *usher.Error that says in what
// way it is no key: cut short, mistyped, or something else altogether.
func ParseKey(secret string) (Hash, error) {
	if strings.HasPrefix(secret, InvitePrefix) {
		return Hash{}, unauthenticated("This is an invite, not an API key; it is redeemed at /v1/invites/redeem.")
	}
	return parseSecret(KeyPrefix, "API key", secret)
}

// ParseInvite returns the hash of an invite's code. Spaces around it, which
// copying leaves, don't matter.
func ParseInvite(code string) (Hash, error) {
	return parseSecret(InvitePrefix, "invite", strings.TrimSpace(code))
}

func newSecret(prefix string, random io.Reader) (string, Hash, error) {
	b := append(make([]byte, 0, len(prefix)+randomLen+checksumLen), prefix...)
	var buf [randomLen]byte
	for tries := 0; len(b) < len(prefix)+randomLen; tries++ {
		if tries == 100 { // of honest randomness 1 byte in 32 is thrown away
			return "", Hash{}, errors.New("the source of randomness repeats itself")
		}
		if _, err := io.ReadFull(random, buf[:]); err != nil {
			return "", Hash{}, fmt.Errorf("reading random bytes: %w", err)
		}
		for _, c := range buf {
			if c < 4*62 && len(b) < len(prefix)+randomLen { // else the first digits would be likelier
				b = append(b, digits62[c%62])
			}
		}
	}
	b = appendChecksum(b)
	return string(b), sha256.Sum256(b), nil
}

func appendChecksum(b []byte) []byte {
	var sum [checksumLen]byte
	rest := crc32.ChecksumIEEE(b)
	for i := checksumLen - 1; i >= 0; i-- {
		sum[i], rest = digits62[rest%62], rest/62
	}
	return append(b, sum[:]...)
}

func parseSecret(prefix, what, s string) (Hash, error) {
	body, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return Hash{}, unauthenticated("This is no %s; one begins with %s.", what, prefix)
	}
	if n := len(body); n != randomLen+checksumLen {
		return Hash{}, unauthenticated("The %s has %d characters and should have %d; copy it whole.",
			what, len(s), len(prefix)+randomLen+checksumLen)
	}
	for i := range len(body) {
		if strings.IndexByte(digits62, body[i]) < 0 {
			return Hash{}, unauthenticated("The %s is mistyped: after %s it has letters and digits alone.", what, prefix)
		}
	}
	if string(appendChecksum([]byte(s[:len(prefix)+randomLen]))) != s {
		return Hash{}, unauthenticated("The %s is mistyped: its checksum doesn't fit; copy it again.", what)
	}
	return sha256.Sum256([]byte(s)), nil
}

func unauthenticated(format string, args ...any) *usher.Error {
	return &usher.Error{Code: usher.CodeUnauthenticated, Message: fmt.Sprintf(format, args...)}
}
