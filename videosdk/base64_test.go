package videosdk

import (
	"encoding/base64"
	"math/rand/v2"
	"testing"
)

func TestEncodeBase64IsTheStandardLibrarys(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	src := make([]byte, 300)
	for n := range len(src) + 1 {
		for range 20 {
			random.Read(src)
			got := make([]byte, base64.RawURLEncoding.EncodedLen(n))
			encodeBase64(got, src[:n])
			if want := base64.RawURLEncoding.EncodeToString(src[:n]); string(got) != want {
				t.Fatalf("%d bytes %x: got %q, want %q", n, src[:n], got, want)
			}
		}
	}
}
