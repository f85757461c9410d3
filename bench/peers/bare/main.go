// Command bare answers every request with the same signature: the least that a
// net/http server can do. It has no time-outs, no routes, no log.
package main

import (
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	// As long as Usher's answer to the requests of this benchmark.
	answer := []byte(`{"signature":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.` + strings.Repeat("e", 340) + `","expiresAt":1782900000}` + "\n")
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(answer)
	})))
}
