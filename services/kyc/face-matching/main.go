// The agent face-matching has a provider compare the passport's portrait with
// the applicant's selfie.
package main

import "github.com/unwind-saga/unwind/services/kyc"

func main() { kyc.Main(open) }
