//go:build race

package interop_test

// randomGrants is a fifth of what it is without the race detector, which makes
// encoding ten times slower and has nothing to find here; "make test" runs
// TestGolangJWT a second time without it.
const randomGrants = 20_000
