package screening

import (
	"cmp"
	"slices"

	"github.com/unwind-saga/unwind/services/kyc/mrz"
)

// Person is who is looked for. The name may be in any script and any order; one
// that is known in several spellings is best screened in each.
type Person struct {
	Name  string
	Birth mrz.Date // zero: not known
}

// Config says how alike is alike.
type Config struct {
	Threshold float64 // the least score of a hit, from 0 to 1; 0: 0.88
}

// Hit is an entry that may be the person.
type Hit struct {
	Entry Entry    `json:"entry"`
	Name  string   `json:"name"`  // the name or alias that was most alike
	Score float64  `json:"score"` // 0 to 1: the likeness, corrected by the birth
	Alike float64  `json:"alike"` // the likeness of the names alone
	Birth Evidence `json:"birth"`
}

// Screen returns the entries that may be p, one hit for each, the likeliest
// first.
func (l *List) Screen(p Person, config Config) []Hit {
	if config.Threshold == 0 {
		config.Threshold = 0.88
	}
	name := whole(spell(p.Name))
	best := map[int]Hit{}
	for _, n := range l.names {
		likeness := alike(name, n.spelt)
		if was, ok := best[n.entry]; !ok || likeness > was.Alike {
			best[n.entry] = Hit{Name: n.name, Alike: likeness}
		}
	}
	var hits []Hit
	for i, h := range best {
		h.Entry = l.entries[i]
		h.Birth = weigh(p.Birth, h.Entry.Births)
		h.Score = min(1, max(0, h.Alike+worth[h.Birth]))
		if h.Score >= config.Threshold {
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Entry.Number, b.Entry.Number))
	})
	return hits
}
