package app

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// StorageKey returns the key beside an SQLite file, at its path with ".key"
// behind it, and makes it if there is none. Its owner alone may read it. Two
// processes that start at the same time get the same one.
func StorageKey(database string, random io.Reader) ([]byte, error) {
	path := database + ".key"
	if key, err := readKey(path); !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	key := make([]byte, 32)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, fmt.Errorf("reading random bytes: %w", err)
	}
	// A link appears whole or not at all, and only once.
	draft, err := os.CreateTemp(dirOf(path), ".usher-key-*")
	if err != nil {
		return nil, fmt.Errorf("making the storage key beside the database: %w", err)
	}
	defer os.Remove(draft.Name())
	_, err = draft.WriteString(hex.EncodeToString(key) + "\n")
	if err = errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return nil, fmt.Errorf("making the storage key beside the database: %w", err)
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("making the storage key beside the database: %w", err)
	}
	return readKey(path)
}

func readKey(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s is no storage key; it must hold 64 hexadecimal digits. Without the right one nothing that was encrypted can be read", path)
	}
	return key, nil
}

func dirOf(path string) string {
	if i := strings.LastIndexByte(path, os.PathSeparator); i >= 0 {
		return path[:i+1]
	}
	return "."
}
