// Package policy decides with Cedar who may enter which session, and as what.
//
// An [Engine] is made of the default policy (default.cedar) and the operator's
// files; it implements [usher.Policy]. Three things hold whatever the files say:
//
//   - What no rule permits is denied, and one forbid outweighs every permit.
//   - A rule that fails while it is evaluated never lets anybody in: a permit
//     that fails permits nothing, and, stricter than Cedar itself, a forbid that
//     fails forbids.
//   - A caller's [usher.Scope] bounds the answer. Guests always need one.
//
// Files are checked against schema.cedarschema before they take effect; see
// [Check]. A reload that fails keeps the rules that were in force; see
// [Engine.Reload]. docs/policy.md tells operators the same in their words.
//
// Cedar's schema checker is marked experimental in cedar-go. It is used at load
// alone and behind check.go; its messages are pinned by the tests.
package policy

import _ "embed"

//go:embed default.cedar
var defaultText string

//go:embed schema.cedarschema
var schemaText string

// DefaultName is the file name under which the default policy's rules are reported.
const DefaultName = "default.cedar"

// Default returns the text of the default policy.
func Default() string { return defaultText }

// Schema returns the text of the schema that policies are checked against.
func Schema() string { return schemaText }
