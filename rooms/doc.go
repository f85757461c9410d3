// Command usher-rooms is usher with rooms to enter: beside a LiveKit server of
// its own, in one process, or with the LiveKit that LIVEKIT_URL names.
package main
