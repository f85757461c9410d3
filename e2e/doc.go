// Package e2e holds tests of the whole: the real binary, as an operator runs
// it, with real databases beside it, killed and starved as machines do it.
package e2e
