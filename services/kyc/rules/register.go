package rules

// Register knows documents from before: lists of stolen ones, and who showed
// which. Implementations close over their context or transaction.
type Register interface {
	Standing(issuer, number string) (Standing, error)
}

// Standing is what a Register knows of one document; the zero value is nothing.
type Standing struct {
	Blocked string // why it is blocked: "reported stolen"
	UsedBy  string // whose application it served
}

// Standings is a Register in memory, by issuer and number: "UTO/L898902C3".
type Standings map[string]Standing

// Standing implements Register.
func (s Standings) Standing(issuer, number string) (Standing, error) {
	return s[issuer+"/"+number], nil
}
