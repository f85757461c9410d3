package store_test

import (
	"bytes"
	"testing"

	"github.com/usher-sessions/usher/internal/store"
)

func TestSealer(t *testing.T) {
	old, both, fresh := sealer(t, 1), sealer(t, 2, 1), sealer(t, 2)
	sealed, err := old.Seal("passcode", "s1", []byte("hush"))
	noError(t, err)
	again, err := old.Seal("passcode", "s1", []byte("hush"))
	noError(t, err)
	if bytes.Equal(sealed, again) {
		t.Error("sealed twice alike")
	}
	for _, tt := range []struct {
		name        string
		with        *store.Sealer
		purpose, id string
		change      func([]byte) []byte
		ok          bool
	}{
		{"its own key", old, "passcode", "s1", nil, true},
		{"the key as a second one", both, "passcode", "s1", nil, true},
		{"without the key", fresh, "passcode", "s1", nil, false},
		{"no keys at all", nil, "passcode", "s1", nil, false},
		{"another row", old, "passcode", "s2", nil, false},
		{"another purpose", old, "answer", "s1", nil, false},
		{"purpose and row moved into each other", old, "passcode\x00s1", "", nil, false},
		{"another version", old, "passcode", "s1", func(b []byte) []byte { b[0]++; return b }, false},
		{"another key's name", old, "passcode", "s1", func(b []byte) []byte { b[2]++; return b }, false},
		{"a changed byte", old, "passcode", "s1", func(b []byte) []byte { b[len(b)-1]++; return b }, false},
		{"cut short", old, "passcode", "s1", func(b []byte) []byte { return b[:7] }, false},
		{"one byte", old, "passcode", "s1", func(b []byte) []byte { return b[:1] }, false},
	} {
		b := bytes.Clone(sealed)
		if tt.change != nil {
			b = tt.change(b)
		}
		got, err := tt.with.Open(tt.purpose, tt.id, b)
		if (err == nil) != tt.ok || tt.ok && string(got) != "hush" {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
	moved, err := both.Seal("passcode", "s1", []byte("hush"))
	noError(t, err)
	if _, err := fresh.Open("passcode", "s1", moved); err != nil {
		t.Errorf("the first key must seal: %v", err)
	}
	if empty, err := (*store.Sealer)(nil).Seal("passcode", "s1", nil); err != nil || len(empty) != 0 {
		t.Errorf("nothing to seal needs no key: %q, %v", empty, err)
	}
	for _, keys := range [][][]byte{{}, {make([]byte, 31)}, {make([]byte, 32), nil}} {
		if _, err := store.NewSealer(keys...); err == nil {
			t.Errorf("%d keys were taken", len(keys))
		}
	}
}
