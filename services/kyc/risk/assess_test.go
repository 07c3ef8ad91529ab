package risk

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/services/kyc/rules"
	"github.com/unwind-saga/unwind/services/kyc/screening"
)

func TestAssess(t *testing.T) {
	hit := func(score float64) []screening.Hit {
		return []screening.Hit{{Name: "SOMEBODY", Score: 0.81}, {Name: "MORIARTY, James", Score: score}, {Name: "ANOTHER", Score: 0.81}}
	}
	config := Config{Countries: map[string]int{"XYZ": 25, "ABC": 40}}
	review := rules.Finding{Code: rules.NameTruncated, Severity: rules.Review, Detail: "the name may be cut off"}
	refuse := rules.Finding{Code: rules.Expired, Severity: rules.Refuse, Detail: "expired"}
	for _, tc := range []struct {
		name     string
		evidence Evidence
		want     map[string]int
		score    int
		refused  bool
	}{
		{"nothing against them", Evidence{Issuer: "NLD", Nationality: "NLD", Face: Face{0.9, 0.6}}, nil, 0, false},
		{"nothing known", Evidence{}, nil, 0, false},
		{"a certain hit", Evidence{Hits: hit(1)}, map[string]int{"screening": 80}, 80, true},
		{"a likely hit", Evidence{Hits: hit(0.95)}, map[string]int{"screening": 60}, 60, false},
		{"a likely hit of a risky country", Evidence{Hits: hit(0.95), Nationality: "XYZ"}, map[string]int{"screening": 60, "country": 25}, 85, true},
		{"a hit below where hits count", Evidence{Hits: []screening.Hit{{Score: 0.5}}}, nil, 0, false},
		{"the worse of two countries", Evidence{Issuer: "ABC", Nationality: "XYZ"}, map[string]int{"country": 40}, 40, false},
		{"the worse of two countries, reversed", Evidence{Issuer: "XYZ", Nationality: "ABC"}, map[string]int{"country": 40}, 40, false},
		{"a finding to review", Evidence{Findings: []rules.Finding{review}}, map[string]int{"document": 10}, 10, false},
		{"a finding that refuses", Evidence{Findings: []rules.Finding{refuse}}, map[string]int{"document": 100}, 100, true},
		{"a face at its threshold", Evidence{Face: Face{0.6, 0.6}}, map[string]int{"face": 20}, 20, false},
		{"a face half way to ease", Evidence{Face: Face{0.7, 0.6}}, map[string]int{"face": 10}, 10, false},
		{"a face below", Evidence{Face: Face{0.59, 0.6}}, map[string]int{"face": 100}, 100, true},
		{"a face that is no number", Evidence{Face: Face{math.NaN(), 0.6}}, map[string]int{"face": 100}, 100, true},
		{"no face at all", Evidence{Face: Face{0, 0.6}}, map[string]int{"face": 100}, 100, true},
		{"more than all", Evidence{Hits: hit(1), Findings: []rules.Finding{refuse}}, map[string]int{"screening": 80, "document": 100}, 100, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := Assess(tc.evidence, config)
			var got map[string]int
			last := math.MaxInt
			for _, c := range a.Contributions {
				if got == nil {
					got = map[string]int{}
				}
				got[c.Name] += c.Points
				if c.Points > last {
					t.Error("the weightiest is not first")
				}
				last = c.Points
				if c.Detail == "" || strings.Contains(c.Detail, "%!") {
					t.Errorf("detail %q", c.Detail)
				}
			}
			if !reflect.DeepEqual(got, tc.want) || a.Score != tc.score || a.Refused != tc.refused {
				t.Errorf("got %+v, want %v, score %d, refused %v", a, tc.want, tc.score, tc.refused)
			}
		})
	}
}

func TestAssessThreshold(t *testing.T) {
	e := Evidence{Nationality: "XYZ"}
	for refuseAt, want := range map[int]bool{24: true, 25: true, 26: false} {
		if a := Assess(e, Config{RefuseAt: refuseAt, Countries: map[string]int{"XYZ": 25}}); a.Refused != want {
			t.Errorf("score %d, refuse at %d: refused %v", a.Score, refuseAt, a.Refused)
		}
	}
}
