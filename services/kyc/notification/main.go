// The agent notification tells the applicant by mail that they are known now.
package main

import "github.com/unwind-saga/unwind/services/kyc"

func main() { kyc.Main(open, schema) }
