package config

import (
	"fmt"
	"net/url"
)

// LiveKit says where the media engine is. Without a URL there is none but the
// one that usher-rooms runs itself.
type LiveKit struct{ URL, Key, Secret string }

// roomSettings say which media engine runs the rooms; their variables are those of LiveKit's own tools.
func roomSettings() []Setting {
	return []Setting{
		{
			Name: "livekit-url", Env: "LIVEKIT_URL", Value: "url", Default: "a LiveKit of its own", Scope: ForRooms,
			Help: "with usher-rooms: where browsers and this server reach LiveKit, such as wss://livekit.example.com",
			set: func(c *Config, v string) error {
				u, err := url.Parse(v)
				if err != nil || u.Host == "" || u.Scheme != "wss" && u.Scheme != "ws" && u.Scheme != "https" && u.Scheme != "http" {
					return fmt.Errorf("is %s; it must be an address such as wss://livekit.example.com", quote(v))
				}
				c.LiveKit.URL = v
				return nil
			},
		},
		{
			Name: "livekit-api-key", Env: "LIVEKIT_API_KEY", FromFile: true, Secret: true, Scope: ForRooms,
			Help: "with usher-rooms: the key that LiveKit knows this server by",
			set:  func(c *Config, v string) error { c.LiveKit.Key = v; return nil },
		},
		{
			Name: "livekit-api-secret", Env: "LIVEKIT_API_SECRET", FromFile: true, Secret: true, Scope: ForRooms,
			Help: "with usher-rooms: the secret that belongs to LIVEKIT_API_KEY",
			set:  func(c *Config, v string) error { c.LiveKit.Secret = v; return nil },
		},
	}
}

// rooms checks that what belongs together is there together.
func (l *loader) rooms() {
	names := [...]string{"livekit-url", "livekit-api-key", "livekit-api-secret"}
	given := 0
	for _, n := range names {
		if l.from[n] != "" {
			given++
		}
	}
	if given == 0 {
		return
	}
	for _, s := range roomSettings() {
		if l.from[s.Name] == "" {
			l.fault(s.Env, "is not set, but others of %s, %s and %s are; set all three, or none", "LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
		}
	}
}
