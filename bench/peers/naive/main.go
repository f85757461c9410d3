// Command naive is the signature endpoint that a Go programmer writes in
// twenty minutes: encoding/json and golang-jwt, hardly a check, no log.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

type ask struct {
	SessionName     string `json:"sessionName"`
	Role            int    `json:"role"`
	UserIdentity    string `json:"userIdentity"`
	SessionKey      string `json:"sessionKey"`
	VideoWebRTCMode *int   `json:"videoWebRtcMode"`
}

func main() {
	key, secret := os.Getenv("ZOOM_VIDEO_SDK_KEY"), []byte(os.Getenv("ZOOM_VIDEO_SDK_SECRET"))
	http.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		var a ask
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil || a.SessionName == "" || a.Role < 0 || a.Role > 1 {
			http.Error(w, `{"errors":[{"property":"body","reason":"is faulty"}]}`, http.StatusBadRequest)
			return
		}
		now := time.Now().Unix()
		claims := jwt.MapClaims{"app_key": key, "role_type": a.Role, "tpc": a.SessionName, "version": 1, "iat": now, "exp": now + 7200}
		if a.UserIdentity != "" {
			claims["user_identity"] = a.UserIdentity
		}
		if a.SessionKey != "" {
			claims["session_key"] = a.SessionKey
		}
		if a.VideoWebRTCMode != nil {
			claims["video_webrtc_mode"] = *a.VideoWebRTCMode
		}
		signature, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		json.NewEncoder(w).Encode(map[string]any{"signature": signature, "expiresAt": now + 7200})
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
