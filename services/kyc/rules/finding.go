package rules

// Finding is one thing that is wrong with a document.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Field    string   `json:"field"`
	Detail   string   `json:"detail"`
}

// Code names a finding for programs. Codes are never changed.
type Code string

// The codes.
const (
	Expired            Code = "expired"
	ExpiryImplausible  Code = "expiry-implausible" // further ahead than any passport lasts
	CheckDigit         Code = "check-digit"
	IssuerUnknown      Code = "issuer-unknown"
	IssuerSpecimen     Code = "issuer-specimen"
	NationalityUnknown Code = "nationality-unknown"
	BirthIncomplete    Code = "birth-incomplete"
	BirthImplausible   Code = "birth-implausible"
	Underage           Code = "underage"
	NameTruncated      Code = "name-truncated"
	Blocked            Code = "blocked"
	InUse              Code = "in-use"
)

// Severity says what a finding is worth.
type Severity string

// The severities.
const (
	Refuse Severity = "refuse"
	Review Severity = "review"
)

// Refused says whether any finding forbids going on.
func Refused(findings []Finding) bool {
	for _, f := range findings {
		if f.Severity == Refuse {
			return true
		}
	}
	return false
}
