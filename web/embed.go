// Package web holds the lobby page and the client library as they are built
// from the TypeScript beside it, so that Go alone builds Usher.
//
// After a change there, build anew with `npm ci && npm run build` in this
// folder; `npm run check` fails while dist is older than its source.
package web

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Lobby returns the files of the lobby page: index.html, what it loads from
// assets/ under names that change with their content, and usher-client.js, the
// client library in one file, whose name stays.
func Lobby() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	return files
}
