package mrz

// Document is what the zone says, in plain words: fillers are gone, and spaces
// stand between the parts of a name.
type Document struct {
	Code        string `json:"code"`        // "P", or "P" and a letter of the issuer's choice: "PP", "PD"
	Issuer      string `json:"issuer"`      // code of the issuing state or organisation: "UTO", "D"
	Surname     string `json:"surname"`     // the primary identifier: "VAN DER MUELLEN"
	GivenNames  string `json:"given_names"` // the secondary identifier; may be empty
	Number      string `json:"number"`      // up to nine characters
	Nationality string `json:"nationality"`
	Birth       Date   `json:"birth"` // parts may be unknown
	Sex         Sex    `json:"sex"`
	Expiry      Date   `json:"expiry"`
	Optional    string `json:"optional,omitempty"` // up to 14 characters, the issuer's own affair

	// MaybeTruncated says that the name fills its field to the last column, so
	// that more may have been cut off (Doc 9303-4, 4.2.3). Format ignores it.
	MaybeTruncated bool `json:"maybe_truncated,omitempty"`

	// Checks are the five check digits as they stand in the zone, good or bad.
	// Format ignores them and computes its own.
	Checks []Check `json:"checks,omitempty"`
}

// Name is the whole name, given names first.
func (d Document) Name() string {
	if d.GivenNames == "" {
		return d.Surname
	}
	return d.GivenNames + " " + d.Surname
}

// Sex as the zone states it.
type Sex string

// What the zone can state.
const (
	Male        Sex = "M"
	Female      Sex = "F"
	Unspecified Sex = "X" // a filler in the zone
)
