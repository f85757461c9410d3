//go:build !race

// Allocation counts are exact without the race detector and meaningless with
// it, so "make test" runs the tests named Allocations once more without it.

package videosdk_test

import (
	"strings"
	"testing"

	"github.com/usher-sessions/usher/videosdk"
)

// A signature costs one allocation: the string that is returned.
func TestAllocationsOfSign(t *testing.T) {
	s := newSigner(t)
	all := everything()
	all.Extra = nil
	for name, g := range map[string]videosdk.Grant{"least": {SessionName: "Cool Cars"}, "everything but extras": all} {
		if n := testing.AllocsPerRun(1000, func() {
			if _, err := s.Sign(g, testNow); err != nil {
				t.Fatal(err)
			}
		}); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Hostile input is turned away before it costs memory (CVE-2025-30204 split a
// token at every dot before it looked at the rest).
func TestAllocationsOfRefusals(t *testing.T) {
	v := newVerifier(t)
	const most = videosdk.MaxTokenBytes
	for name, tc := range map[string]struct {
		token string
		most  float64
	}{
		"nothing but dots":  {strings.Repeat(".", most), 3},
		"many dots behind":  {casesSoundToken() + strings.Repeat(".", most-1000), 3},
		"dots beyond":       {strings.Repeat(".", 100*most), 6},
		"longest text":      {strings.Repeat("a", most), 3},
		"far too long":      {strings.Repeat("a", 100*most), 6},
		"no canonical part": {strings.Repeat("a", most/3) + "." + strings.Repeat("=", most/3) + ".", 8},
	} {
		if n := testing.AllocsPerRun(100, func() {
			if _, err := v.Verify(tc.token, testNow); err == nil {
				t.Fatal("accepted")
			}
		}); n > tc.most {
			t.Errorf("%s: %v allocations, at most %v", name, n, tc.most)
		}
	}
}

func casesSoundToken() string { return makeToken(testHeader, testPayload().String(), testSecret) }
