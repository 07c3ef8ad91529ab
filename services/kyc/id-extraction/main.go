// The agent id-extraction reads the machine-readable zone of the applicant's
// passport, and files it.
package main

import "github.com/unwind-saga/unwind/services/kyc"

func main() { kyc.Main(open, schema) }
