// Command livekit signs with LiveKit's protocol/auth as often as each line of
// its input says, and answers each with the last token and how long they took
// by its own clock. It is a process of its own because that package's tree
// would else burden the garbage collector of everybody measured beside it.
package main

import (
	"encoding/json"
	"log"
	"os"
	"runtime"
	"time"

	"github.com/livekit/protocol/auth"
)

func main() {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for in.More() {
		var ask struct {
			N                                 int
			Key, Secret, SessionName, UserKey string
			Life                              int64 // seconds
		}
		if err := in.Decode(&ask); err != nil {
			log.Fatal(err)
		}
		var token string
		var err error
		runtime.GC()
		begun := time.Now()
		for range ask.N {
			token, err = auth.NewAccessToken(ask.Key, ask.Secret).SetIdentity(ask.UserKey).SetName(ask.UserKey).SetValidFor(time.Duration(ask.Life) * time.Second).
				SetVideoGrant(&auth.VideoGrant{Room: ask.SessionName, RoomJoin: true, RoomAdmin: true}).ToJWT()
			if err != nil {
				log.Fatal(err)
			}
		}
		took := time.Since(begun)
		if err := out.Encode(map[string]any{"token": token, "nanoseconds": took.Nanoseconds()}); err != nil {
			log.Fatal(err)
		}
	}
}
