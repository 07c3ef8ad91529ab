package screening

import (
	"slices"
	"strings"
	"unicode"

	"github.com/mozillazg/go-unidecode"
	"golang.org/x/text/unicode/norm"
)

// word is one word of a name in the two forms in which words are compared.
type word struct {
	folded    string // Latin letters, variants of spelling made one
	skeleton  string // its consonants
	vowelless bool   // it came from a script that writes few vowels
	particle  bool   // al, bin, de, van ...
	surname   bool   // of a listed name: it stands before the comma
}

// spelt is a whole name, ready to be compared.
type spelt struct {
	words     []word
	folded    string // the words in order of the alphabet, as one
	skeleton  string
	vowelless bool
}

func whole(words []word) spelt {
	s := spelt{words: words, vowelless: slices.ContainsFunc(words, func(w word) bool { return w.vowelless })}
	all := make([]string, len(words))
	join := func(form func(word) string) string {
		for i, w := range words {
			all[i] = form(w)
		}
		slices.Sort(all)
		return strings.Join(all, "")
	}
	s.folded = join(func(w word) string { return w.folded })
	s.skeleton = join(func(w word) string { return w.skeleton })
	return s
}

func newWord(latin string, vowelless bool) word {
	folded := fold(latin)
	return word{folded: folded, skeleton: skeleton(folded), vowelless: vowelless}
}

// spell cuts a name into its words.
func spell(name string) []word { return telling(words(name)) }

// spellListed is spell for a name of the list's form, "SURNAME, Given".
func spellListed(name string) []word {
	surname, given, comma := strings.Cut(name, ",")
	all := words(surname)
	if comma {
		for i := range all {
			all[i].surname = true
		}
	}
	return telling(append(all, words(given)...))
}

// telling leaves the particles out (al, bin, de, van ...), which say nothing and
// are often left out, unless hardly anything else is there: Nguyen Van, Li An.
func telling(all []word) []word {
	rest := slices.DeleteFunc(slices.Clone(all), func(w word) bool { return w.particle })
	if len(rest) < 2 {
		return all
	}
	return rest
}

func words(name string) (all []word) {
	for _, raw := range strings.FieldsFunc(norm.NFKC.String(name), parts) {
		vowelless := strings.ContainsFunc(raw, consonantal)
		if vowelless {
			raw = withoutArticle(raw)
		}
		// One letter may become several words: 黄立武 is Huang Li Wu.
		for latin := range strings.FieldsSeq(strings.ToLower(unidecode.Unidecode(raw))) {
			latin = strings.Map(func(c rune) rune {
				if c < 'a' || c > 'z' {
					return -1
				}
				return c
			}, latin)
			if latin == "" {
				continue
			}
			for _, part := range servant(latin) {
				w := newWord(part, vowelless)
				w.particle = particles[part]
				all = append(all, w)
			}
		}
	}
	return all
}

func parts(c rune) bool {
	return unicode.IsSpace(c) || c == ',' || c == '.' || c == '<' || c == '/' || unicode.Is(unicode.Pd, c) || unicode.IsDigit(c)
}

func consonantal(c rune) bool { return unicode.In(c, unicode.Arabic, unicode.Hebrew) }

// withoutArticle cuts the Arabic article from the word it is written onto.
func withoutArticle(w string) string {
	if rest, ok := strings.CutPrefix(w, "ال"); ok && len([]rune(rest)) > 2 {
		return rest
	}
	return w
}

// withoutLatinArticle does the same in Latin letters, where a word may also just
// begin so (Aleksandr): both readings are tried.
func withoutLatinArticle(w word) (word, bool) {
	if len(w.folded) >= 7 && (strings.HasPrefix(w.folded, "al") || strings.HasPrefix(w.folded, "el")) {
		return newWord(w.folded[2:], w.vowelless), true
	}
	return w, false
}

// servant parts the names that begin with "servant of": Abdurrahman is Abd
// al-Rahman.
func servant(w string) []string {
	for _, p := range []string{"abdul", "abdel", "abdal", "abdur", "abder", "abdar"} {
		if rest, ok := strings.CutPrefix(w, p); ok {
			if rest == "" {
				return []string{"abd"}
			}
			return []string{"abd", rest}
		}
	}
	if w == "bd" { // as Arabic writes it
		return []string{"abd"}
	}
	return []string{w}
}

var particles = func() map[string]bool {
	m := map[string]bool{}
	for p := range strings.FieldsSeq("al el ul az ar as ad an ash at bin ibn bint ben de del della di da du la las los le van von der den ter ten y e the") {
		m[p] = true
	}
	return m
}()

// fold makes one of what transliterations make of one sound. It need not be
// right for any language, only the same for all spellings of a name: Yuriy, Iurii
// and Yuri; Mueller, Müller and Muller; Hussein, Husain and Khusein stay apart by
// a letter at most.
func fold(w string) string {
	w = spellings.Replace(w)
	var b strings.Builder
	var last rune
	for _, c := range w {
		if c != last {
			b.WriteRune(c)
		}
		last = c
	}
	return b.String()
}

var spellings = strings.NewReplacer(
	"shch", "sch", "sz", "sh", "cz", "ch", "tch", "ch", "tz", "ts", "dj", "j", "dzh", "j",
	"ae", "a", "oe", "o", "ue", "u", "aa", "a", "oo", "u", "ou", "u", "ee", "i",
	"ai", "e", "ei", "e", "ay", "e", "ey", "e", "iy", "i", "yi", "i", "ye", "e", "y", "i", "ph", "f", "ck", "k", "q", "k", "kh", "h", "gh", "g",
	"w", "v", "ff", "v", "x", "ks",
)

// skeleton keeps the consonants; v stands for the Arabic w too, a consonant at
// the beginning and mostly a vowel further on.
func skeleton(folded string) string {
	var b strings.Builder
	for i, c := range folded {
		switch c {
		case 'a', 'e', 'i', 'o', 'u':
		case 'v':
			if i == 0 {
				b.WriteRune(c)
			}
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
