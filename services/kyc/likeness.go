package kyc

import "github.com/unwind-saga/unwind/services/kyc/risk"

// A Likeness is the result of the step face-matching, whoever performed it.
type Likeness struct {
	By string `json:"by"` // the agent: how much the figure is worth
	risk.Face
}
