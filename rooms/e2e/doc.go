// Package e2e runs the usher-rooms binary beside a real LiveKit, with clients of
// LiveKit's Go SDK as users, and checks what only the whole can show: that ledger
// and rooms agree, and who is dropped when something restarts (nobody, if it is
// Usher).
package e2e
