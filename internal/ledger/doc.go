// Package ledger records what was decided so that nothing leaves the server
// unrecorded and nothing recorded can be changed unnoticed.
//
// # Durable before the answer
//
// [Ledger.Record] returns nil only once the row has reached the disk. Rows that
// are asked for while the disk works on the one before go together in the next
// transaction (group commit): one that comes alone waits for nobody, many that
// come together share one wait for the disk. Under load a transaction begins up
// to two milliseconds later, so that those who were just answered and ask again
// come into it. Where the store fails, all that wait get unavailable; the next
// row tries again, so service comes back by itself.
//
// # The chain
//
// The rows of one writer are numbered from 1, and each holds the hash of the row
// before and a hash over itself. Replicas write chains of their own and don't
// wait for each other; processes that name the same writer share its chain. The
// store keeps the head of each chain, its last number and hash, and moves it in
// the transaction that adds the rows.
//
// [Verify] reads everything and names each row that was changed, is missing,
// was added or stands in another's place, the last rows of a chain included.
//
// # What the chain can't show
//
// Whoever may write to the database can compute hashes too, and could rewrite a
// chain from some row to its head, or remove a whole chain with its head. Against
// that stand checkpoints: all heads, signed with a key that isn't in the
// database (see [KeyFrom]). A rewrite of anything older than a checkpoint is
// found with it. The newest checkpoint is kept in the database, where its
// signature protects its content but not its presence; so export checkpoints to
// another place, and hand them to Verify. Rows younger than the newest
// checkpoint outside of the attacker's reach are as trustworthy as the database.
package ledger
