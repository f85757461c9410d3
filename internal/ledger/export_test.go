package ledger

// Waiting is how many entries wait in l's queue.
func Waiting(l *Ledger) int { return len(l.queue) }

// Link puts a row behind head, as an attacker could who may write to the database.
var Link = link
