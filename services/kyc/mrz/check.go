package mrz

import "strings"

// Check is one check digit: what the zone shows and what it should show.
type Check struct {
	Field    string `json:"field"`  // one of the Check... names
	Column   int    `json:"column"` // in line 2, from 1
	Printed  string `json:"printed"`
	Computed string `json:"computed"`
}

// The five check digits of a passport, as named in Check.Field.
const (
	CheckNumber    = "document number"
	CheckBirth     = "date of birth"
	CheckExpiry    = "date of expiry"
	CheckOptional  = "optional data"
	CheckComposite = "composite"
)

// OK says whether the digit agrees with what it guards. An empty optional field
// may carry a zero or a filler (Doc 9303-4, 4.2.2.2, position 43).
func (c Check) OK() bool {
	return c.Printed == c.Computed || c.Field == CheckOptional && c.Printed == "<" && c.Computed == "0"
}

// CheckDigit computes the digit that guards field: the characters' values
// weighted 7, 3, 1 in turn, modulus 10 (Doc 9303-3, 4.9). A digit is worth
// itself, A to Z 10 to 35, a filler nothing.
func CheckDigit(field string) byte {
	weights := [3]int{7, 3, 1}
	sum := 0
	for i := 0; i < len(field); i++ {
		sum += weights[i%3] * worth(field[i])
	}
	return '0' + byte(sum%10)
}

func worth(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case isLetter(c):
		return int(c-'A') + 10
	}
	return 0
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'A' <= c && c <= 'Z' }

// composed is what the composite digit guards: number, birth, expiry and
// optional data, each with its own digit.
func composed(line2 string) string {
	return strings.Join([]string{line2[0:10], line2[13:20], line2[21:43]}, "")
}
