package screening

import (
	"encoding/csv"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/unwind-saga/unwind/services/kyc/mrz"
)

type label struct {
	person Person
	entry  string
	why    string
}

func labelled(t *testing.T, path string) []label {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment, r.FieldsPerRecord = '#', 4
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []label
	for _, row := range rows {
		l := label{Person{Name: row[0]}, row[2], row[3]}
		if row[1] != "" {
			if err := l.person.Birth.UnmarshalText([]byte(row[1])); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, l)
	}
	return all
}

// The tables as a whole. A right hit is one of the labelled entry; a hit of
// another is wrong, also where the right one is hit too. The weights were chosen
// on the first table, so that only the second says what they are worth.
func TestPrecisionAndRecall(t *testing.T) {
	for _, tc := range []struct {
		path              string
		precision, recall float64
	}{
		{"testdata/labelled.csv", 0.93, 0.98},
		{"testdata/heldout.csv", 0.85, 0.92},
	} {
		t.Run(tc.path, func(t *testing.T) {
			precision, recall := measure(t, labelled(t, tc.path))
			if precision < tc.precision || recall < tc.recall {
				t.Errorf("precision %.3f, recall %.3f; want %.2f, %.2f", precision, recall, tc.precision, tc.recall)
			}
		})
	}
}

func measure(t *testing.T, labels []label) (precision, recall float64) {
	var right, wrong, people int
	for _, l := range labels {
		found := false
		for _, h := range Default().Screen(l.person, Config{}) {
			if h.Entry.Number == l.entry {
				right++
				found = true
				continue
			}
			wrong++
			t.Logf("wrong: %s (%s) hit %s, %q, alike %.3f, birth %s", l.person.Name, l.why, h.Entry.Number, h.Name, h.Alike, h.Birth)
		}
		if l.entry != "" {
			people++
			if !found {
				t.Logf("missed: %s (%s) as %s: %s", l.person.Name, l.why, l.entry, nearest(l))
			}
		}
	}
	precision, recall = float64(right)/float64(right+wrong), float64(right)/float64(people)
	t.Logf("%d listed people, %d others: precision %.3f, recall %.3f", people, len(labels)-people, precision, recall)
	return precision, recall
}

func nearest(l label) string {
	for _, h := range Default().Screen(l.person, Config{Threshold: 0.01}) {
		if h.Entry.Number == l.entry {
			return fmt.Sprintf("%q, alike %.3f, birth %s", h.Name, h.Alike, h.Birth)
		}
	}
	return "nothing"
}

// Ordinary people: given names and surnames of many countries, each with each.
func TestOrdinaryNames(t *testing.T) {
	given := strings.Fields(`James Mary John Linda Robert Emma Oliver Sophie Hugo Oskar Rupert Edward Brendan Jörg Anna Jürgen Søren Astrid
		José Juana María Alonso Juan Giulia Marco João Jean Élodie Étienne Piotr Zofia Jiří Jana Vlad Ștefan Ioana Georgios Dimitra
		Юрий Ксения Фёдор Анна Иван Ольга Олександр Тарас Ivan Yuri Mehmet Ayşe Gülşah محمد خالد ليلى حسين فاطمة Mohammed Khalid Hussein Fatima Layla Yusuf
		Wei Li Nguyen Hiroshi Yuki Minjun Raj Priya Kwame Kwaku Amina Thandi Nokuthula`)
	surnames := strings.Fields(`Smith Jones Taylor Brown Morton Murphy O'Brien MacGregor Griffin Müller Schmidt Weber Maurer Hansen Sørensen Johansson
		García Fernández Cruz Quintero Rossi Ferrari Silva Santos Dubois Moreau Kowalski Wiśniewski Novák Svoboda Popescu Dumitrescu Papadopoulos
		Иванов Петров Щербаков Волкова Коваленко Шевченко Ivanov Petrov Volkov Yılmaz Çelik Demir القاسمي الحسيني الأحمد حسن Hassan Ahmed Rahman Mustafa
		Wang Huang Tran Tanaka Suzuki Kim Park Kumar Sharma Mensah Okafor Dlamini`)
	hits, people := 0, 0
	for _, g := range given {
		for _, s := range surnames {
			people++
			for _, h := range Default().Screen(Person{Name: g + " " + s}, Config{}) {
				hits++
				t.Logf("%s %s hit %q, alike %.3f", g, s, h.Name, h.Alike)
			}
		}
	}
	t.Logf("%d ordinary names, %d false hits", people, hits)
	if hits > people/500 {
		t.Errorf("%d of %d ordinary names were hit, want at most two in a thousand", hits, people)
	}
}

// Every name and alias on the list is found by itself, in any case and order.
func TestFindsItself(t *testing.T) {
	for _, e := range Default().Entries() {
		for _, name := range append([]string{e.Name}, e.Aliases...) {
			words := strings.FieldsFunc(name, parts)
			for i, j := 0, len(words)-1; i < j; i, j = i+1, j-1 {
				words[i], words[j] = words[j], words[i]
			}
			for _, as := range []string{name, strings.ToLower(name), strings.Join(words, " ")} {
				hits := Default().Screen(Person{Name: as, Birth: e.Births[0].Date}, Config{})
				if len(hits) == 0 || hits[0].Entry.Number != e.Number || hits[0].Score < 0.99 {
					t.Errorf("%q of %s: %+v", as, e.Number, hits)
				}
			}
		}
	}
}

func TestBirthEvidence(t *testing.T) {
	births := func(remarks string) []Birth {
		b, err := parseBirths(remarks)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tc := range []struct {
		name, remarks string
		birth         mrz.Date
		want          Evidence
	}{
		{"same day", "DOB 31 Oct 1961; POB X", mrz.Date{Year: 1961, Month: 10, Day: 31}, Same},
		{"one of two", "DOB 31 Oct 1961; alt. DOB 1 Jan 1970", mrz.Date{Year: 1970, Month: 1, Day: 1}, Same},
		{"another day", "DOB 31 Oct 1961", mrz.Date{Year: 1961, Month: 10, Day: 30}, Near},
		{"next year", "DOB 31 Oct 1961", mrz.Date{Year: 1962, Month: 10, Day: 31}, Near},
		{"ten years on", "DOB 31 Oct 1961", mrz.Date{Year: 1971, Month: 10, Day: 31}, Different},
		{"day and month swapped", "DOB 03 Oct 1961", mrz.Date{Year: 1961, Month: 3, Day: 10}, Near},
		{"two parts differ", "DOB 31 Oct 1961", mrz.Date{Year: 1961, Month: 9, Day: 30}, Different},
		{"year only", "DOB 1969", mrz.Date{Year: 1969, Month: 3, Day: 10}, Near},
		{"another year only", "DOB 1969", mrz.Date{Year: 1970, Month: 3, Day: 10}, Different},
		{"month", "DOB Mar 1969", mrz.Date{Year: 1969, Month: 3, Day: 10}, Near},
		{"another month", "DOB Mar 1969", mrz.Date{Year: 1969, Month: 4, Day: 10}, Different},
		{"circa", "DOB circa 1966", mrz.Date{Year: 1968, Month: 4, Day: 10}, Near},
		{"not even circa", "DOB circa 1966", mrz.Date{Year: 1969, Month: 4, Day: 10}, Different},
		{"span", "DOB 1965 to 1968", mrz.Date{Year: 1967, Month: 4, Day: 10}, Near},
		{"outside of the span", "DOB 1965 to 1968", mrz.Date{Year: 1969, Month: 4, Day: 10}, Different},
		{"not known of the person", "DOB 31 Oct 1961", mrz.Date{}, Silent},
		{"not known to the list", "POB Utopia", mrz.Date{Year: 1961, Month: 10, Day: 31}, Silent},
		{"only the person's year", "DOB 31 Oct 1961", mrz.Date{Year: 1961}, Near},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := weigh(tc.birth, births(tc.remarks)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
