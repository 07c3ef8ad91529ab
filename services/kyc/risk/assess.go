package risk

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/unwind-saga/unwind/services/kyc/rules"
	"github.com/unwind-saga/unwind/services/kyc/screening"
)

// Evidence is what the earlier steps found.
type Evidence struct {
	Hits        []screening.Hit
	Issuer      string // codes as on the document
	Nationality string
	Findings    []rules.Finding
	Face        Face
}

// Face is how alike portrait and selfie are, and what was asked for; both from 0
// to 1. The zero value says that faces were not compared.
type Face struct {
	Similarity float64 `json:"similarity"`
	Threshold  float64 `json:"threshold"`
}

// Config is the house's points. Zero values stand for the defaults.
type Config struct {
	RefuseAt  int            // refuse from this score on; 0: 70
	Hit       int            // points of a screening hit of score 1; 0: 80
	HitFrom   float64        // the score at which a hit begins to count; 0: 0.80
	Review    int            // points of each finding of severity review; 0: 10
	Face      int            // points of a face exactly at its threshold; 0: 20
	FaceEase  float64        // the margin above the threshold from which on a face gives no points; 0: 0.20
	Countries map[string]int // points by country code, for issuer or nationality; nil: none
}

func (c Config) withDefaults() Config {
	c.RefuseAt = cmp.Or(c.RefuseAt, 70)
	c.Hit = cmp.Or(c.Hit, 80)
	c.HitFrom = cmp.Or(c.HitFrom, 0.80)
	c.Review = cmp.Or(c.Review, 10)
	c.Face = cmp.Or(c.Face, 20)
	c.FaceEase = cmp.Or(c.FaceEase, 0.20)
	return c
}

// Most is the highest score.
const Most = 100

// Assessment is the verdict and what it is made of.
type Assessment struct {
	Score         int            `json:"score"`
	RefuseAt      int            `json:"refuse_at"`
	Refused       bool           `json:"refused"`
	Contributions []Contribution `json:"contributions"` // the weightiest first; none has no points
}

// Contribution is one reason.
type Contribution struct {
	Name   string `json:"name"` // "screening", "country", "document", "face"
	Points int    `json:"points"`
	Detail string `json:"detail"`
}

// Assess adds up the evidence. The sum is cut at [Most]; the contributions are
// not, so that they may add up to more.
func Assess(e Evidence, config Config) Assessment {
	config = config.withDefaults()
	a := Assessment{RefuseAt: config.RefuseAt}
	a.screening(e.Hits, config)
	a.country(e, config)
	a.document(e.Findings, config)
	a.face(e.Face, config)
	slices.SortStableFunc(a.Contributions, func(x, y Contribution) int { return cmp.Compare(y.Points, x.Points) })
	for _, c := range a.Contributions {
		a.Score += c.Points
	}
	a.Score = min(a.Score, Most)
	a.Refused = a.Score >= a.RefuseAt
	return a
}

func (a *Assessment) add(name string, points int, format string, args ...any) {
	if points > 0 {
		a.Contributions = append(a.Contributions, Contribution{name, points, fmt.Sprintf(format, args...)})
	}
}

// Only the best hit counts: five entries like one name are one suspicion.
func (a *Assessment) screening(hits []screening.Hit, config Config) {
	if len(hits) == 0 {
		return
	}
	best := slices.MaxFunc(hits, func(x, y screening.Hit) int { return cmp.Compare(x.Score, y.Score) })
	share := clamp((best.Score - config.HitFrom) / (1 - config.HitFrom))
	a.add("screening", round(share, config.Hit), "like %s, entry %s of %s: %.2f, date of birth %s", best.Name, best.Entry.Number, best.Entry.Program, best.Score, best.Birth)
}

// The worse of issuer and nationality counts, once.
func (a *Assessment) country(e Evidence, config Config) {
	code, role := e.Issuer, "issuer"
	if config.Countries[e.Nationality] > config.Countries[code] {
		code, role = e.Nationality, "nationality"
	}
	a.add("country", config.Countries[code], "%s %s", role, code)
}

// A finding that refuses is the whole score: validation should have stopped it.
func (a *Assessment) document(findings []rules.Finding, config Config) {
	for _, f := range findings {
		points := Most
		if f.Severity == rules.Review {
			points = config.Review
		}
		a.add("document", points, "%s: %s", f.Code, f.Detail)
	}
}

// A face below its threshold is the whole score; one above it gives less the
// further above it is.
func (a *Assessment) face(f Face, config Config) {
	switch margin := f.Similarity - f.Threshold; {
	case f == Face{}:
	case math.IsNaN(margin) || margin < 0:
		a.add("face", Most, "similarity %.3f is below %.3f", f.Similarity, f.Threshold)
	default:
		a.add("face", round(clamp(1-margin/config.FaceEase), config.Face), "similarity %.3f is only %.3f above the threshold", f.Similarity, margin)
	}
}

// clamp keeps a share between 0 and 1; one that is no number is all of it.
func clamp(share float64) float64 {
	if math.IsNaN(share) {
		return 1
	}
	return min(1, max(0, share))
}

func round(share float64, points int) int { return int(math.Round(share * float64(points))) }
