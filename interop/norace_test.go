//go:build !race

package interop_test

// randomGrants is over how many grants golang-jwt and videosdk are compared.
const randomGrants = 100_000
