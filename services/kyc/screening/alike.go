package screening

import (
	"cmp"
	"slices"

	"github.com/xrash/smetrics"
)

// The weights of the comparison, chosen on testdata/labelled.csv.
const (
	partners = 0.85 // words less alike than this are no partners
	strict   = 1.6  // how much more than itself each unlikeness counts

	extraWord   = 0.03 // a word of the person's, or a given name of the list's, without a partner: often left out
	lostSurname = 0.13 // a surname of the list's without a partner, while another has one
	loneWord    = 0.15 // only one word could be compared: two people sharing a name are not alike

	wholeAlike = 0.93 // names less alike than this as a whole are not alike at all: long strings always are, somewhat
)

// alike compares a person's name with a listed one, word by word in any order,
// and as one string of sorted words, which forgives a different division into
// words (Abd al-Rahman, Abdurrahman). The better of the two counts.
func alike(person, listed spelt) float64 {
	if len(person.words) == 0 || len(listed.words) == 0 {
		return 0
	}
	if person.vowelless != listed.vowelless {
		return max(0, paired(person.words, listed.words, true), joined(person.skeleton, listed.skeleton))
	}
	return max(0, paired(person.words, listed.words, false), joined(person.folded, listed.folded))
}

func (w word) form(consonants bool) string {
	if consonants {
		return w.skeleton
	}
	return w.folded
}

func paired(person, listed []word, consonants bool) float64 {
	type pair struct {
		i, j int
		like float64
	}
	var pairs []pair
	for i := range person {
		for j := range listed {
			if like := likeness(person[i], listed[j], consonants); like > 0 {
				pairs = append(pairs, pair{i, j, like})
			}
		}
	}
	slices.SortStableFunc(pairs, func(p, q pair) int { return cmp.Compare(q.like, p.like) })
	usedPerson, usedListed := make([]bool, len(person)), make([]bool, len(listed))
	sum, found := 0.0, 0
	for _, p := range pairs {
		if !usedPerson[p.i] && !usedListed[p.j] {
			usedPerson[p.i], usedListed[p.j] = true, true
			sum += p.like
			found++
		}
	}

	shorter, longer := len(person), len(listed)
	if shorter > longer {
		shorter, longer = longer, shorter
	}
	score := sum / float64(shorter)
	if shorter == 1 && longer > 1 {
		score -= loneWord
	}
	surnames, lost := 0, 0
	for j, w := range listed {
		if w.surname {
			surnames++
			if !usedListed[j] {
				lost++
			}
		}
	}
	if surnames > 0 && lost == surnames {
		return 0
	}
	others := longer - found - lost
	return score - lostSurname*float64(lost) - extraWord*float64(max(0, others))
}

// likeness of two words; 0 if they are no partners. An initial stands for any
// word that begins so, and an article may be written onto a word (Alzahrawani).
func likeness(a, b word, consonants bool) float64 {
	if (len(a.folded) == 1 || len(b.folded) == 1) && a.folded[0] == b.folded[0] {
		return 0.9
	}
	like := similar(a.form(consonants), b.form(consonants))
	if a.skeleton == b.skeleton && len(a.skeleton) >= 3 {
		like = max(like, 0.92) // Mohammed, Muhammad
	}
	if bare, cut := withoutLatinArticle(a); cut {
		like = max(like, similar(bare.form(consonants), b.form(consonants)))
	}
	if bare, cut := withoutLatinArticle(b); cut {
		like = max(like, similar(a.form(consonants), bare.form(consonants)))
	}
	return like
}

// similar is Jaro-Winkler, made strict. Fewer than three letters are alike only
// if they are the same.
func similar(a, b string) float64 {
	switch {
	case a == "" || b == "":
		return 0
	case a == b:
		return 1
	case len(a) < 3 || len(b) < 3:
		return 0
	}
	jw := smetrics.JaroWinkler(a, b, 0.7, 4)
	if jw < partners {
		return 0
	}
	return 1 - strict*(1-jw)
}

// joined uses Jaro's measure without Winkler's: a common beginning means little
// where the sorting has brought it there.
func joined(a, b string) float64 {
	if min(len(a), len(b)) < 6 || 3*min(len(a), len(b)) < 2*max(len(a), len(b)) {
		return 0
	}
	if j := smetrics.Jaro(a, b); j >= wholeAlike {
		return j
	}
	return 0
}
