package videosdk

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

// The example of RFC 7515, appendix A.1: header and payload with line breaks inside, a key of 64 random bytes.
const (
	rfcInput = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" +
		".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	rfcMAC = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	rfcKey = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
)

// A Signer and a Verifier have their MAC from hs256 alone, so the RFC's example holds for both.
func TestRFC7515AppendixA1(t *testing.T) {
	secret, err := base64.RawURLEncoding.DecodeString(rfcKey)
	if err != nil {
		t.Fatal(err)
	}
	key := newHS256(secret)
	for range 3 { // a MAC that is used again must not remember
		st := key.get()
		if got := base64.RawURLEncoding.EncodeToString(st.of([]byte(rfcInput))); got != rfcMAC {
			t.Errorf("got %s, want %s", got, rfcMAC)
		}
		key.put(st)
	}
	mac, err := decodePart(rfcMAC, "third")
	if err != nil {
		t.Fatal(err)
	}
	if !key.verifies(rfcInput, mac) {
		t.Error("the RFC's own MAC doesn't verify")
	}
	if key.verifies(rfcInput+"A", mac) || key.verifies(rfcInput, mac[:31]) || key.verifies(rfcInput, nil) || newHS256(secret[1:]).verifies(rfcInput, mac) {
		t.Error("something else verifies")
	}
	header, _, _ := strings.Cut(rfcInput, ".")
	if err := checkHeader(header); err != nil {
		t.Errorf("its header: %v", err)
	}

	// As a signature for a session it is refused, and only because it isn't one.
	v := &Verifier{keys: map[string][]*hs256{"": {key}, "joe": {key}}}
	_, err = v.Verify(rfcInput+"."+rfcMAC, time.Unix(1300819380-1, 0))
	if fault, ok := errors.AsType[*VerifyError](err); !ok || fault.Err != ErrMissingClaim || fault.Claim != claimAppKey {
		t.Errorf("refused for %v", err)
	}
}

// RFC 7515, appendix A.5: the unsecured JWS.
func TestRFC7515AppendixA5(t *testing.T) {
	_, payload, _ := strings.Cut(rfcInput, ".")
	v := &Verifier{keys: map[string][]*hs256{"": {newHS256(nil)}}}
	if _, err := v.Verify("eyJhbGciOiJub25lIn0."+payload+".", time.Unix(1300819379, 0)); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("refused for %v", err)
	}
}

func TestHeaderIsWhatItStandsFor(t *testing.T) {
	if want := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "."; header != want {
		t.Errorf("%s, want %s", header, want)
	}
}
