// Package deploy holds what puts Usher on other machines. Its test checks each
// file as far as that goes without those machines.
package deploy
