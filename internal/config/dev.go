package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/usher-sessions/usher/videosdk"
)

// DevDir is where `usher dev` keeps what it makes up, below the working directory.
const DevDir = ".usher"

// DevFile holds the credentials that `usher dev` makes up when there are none.
// They are kept, so that signatures of yesterday still verify today.
const DevFile = DevDir + "/dev.env"

// ReadDevCredentials returns the credentials that `usher dev` made up in dir.
// If there are none the error is fs.ErrNotExist.
func ReadDevCredentials(dir string) (videosdk.Credentials, error) {
	b, err := readBounded(filepath.Join(dir, DevFile))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return videosdk.Credentials{}, fs.ErrNotExist
	case err != nil:
		return videosdk.Credentials{}, fmt.Errorf("%s %w", DevFile, err)
	}
	v := parseDotEnv(string(b)).values
	c := videosdk.Credentials{Key: v["ZOOM_VIDEO_SDK_KEY"], Secret: v["ZOOM_VIDEO_SDK_SECRET"]}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%s can't be used; delete it and new credentials are made: %w", DevFile, err)
	}
	return c, nil
}

// DevCredentials returns the credentials of `usher dev`, made up from random
// and written to [DevFile] if there are none. The file may be read by its owner alone.
// If it can't be written, kept is why, and the credentials hold until the program ends.
func DevCredentials(dir string, random io.Reader) (c videosdk.Credentials, kept, err error) {
	if c, err = ReadDevCredentials(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return c, nil, err
	}
	var b [40]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return c, nil, fmt.Errorf("reading random bytes: %w", err)
	}
	c = videosdk.Credentials{Key: "usher-dev-" + hex.EncodeToString(b[:8]), Secret: hex.EncodeToString(b[8:])}
	return c, writeDevFile(dir, c), nil
}

// DevDatabase returns the path of the database of `usher dev` in dir, whose
// folder is there afterwards, or "" and why there can be none.
func DevDatabase(dir string) (string, error) {
	if err := makeDevDir(dir); err != nil {
		return "", err
	}
	return filepath.Join(dir, DevDir, DatabaseFile), nil
}

func makeDevDir(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, DevDir), 0o700); err != nil {
		return err
	}
	// So that git never offers the directory for a commit.
	return os.WriteFile(filepath.Join(dir, DevDir, ".gitignore"), []byte("*\n"), 0o600)
}

func writeDevFile(dir string, c videosdk.Credentials) error {
	if err := makeDevDir(dir); err != nil {
		return err
	}
	text := "# Made up by usher dev; no Zoom account has them. Delete this file for new ones.\n" +
		"ZOOM_VIDEO_SDK_KEY=" + c.Key + "\nZOOM_VIDEO_SDK_SECRET=" + c.Secret + "\n"
	return os.WriteFile(filepath.Join(dir, DevFile), []byte(text), 0o600)
}
