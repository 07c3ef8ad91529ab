// The agent document-validation judges the applicant's passport by its own
// words: dates, check digits, issuer; and whether somebody else has used it.
package main

import "github.com/unwind-saga/unwind/services/kyc"

func main() { kyc.Main(open, schema) }
