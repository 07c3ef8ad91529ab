// The agent risk-scoring screens the applicant's names against a list of
// sanctioned people, and adds up what the steps before it found.
package main

import "github.com/unwind-saga/unwind/services/kyc"

func main() { kyc.Main(open, schema) }
