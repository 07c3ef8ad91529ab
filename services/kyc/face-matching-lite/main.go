// The agent face-matching-lite stands in for face-matching: it compares the
// faces by itself, more coarsely.
package main

import "github.com/unwind-saga/unwind/services/kyc"

func main() { kyc.Main(open, schema) }
