// Package polyglot has agents in other languages, and the tests in which they
// take part in the KYC saga beside the agents in Go. How to join is told in
// README.md.
package polyglot
