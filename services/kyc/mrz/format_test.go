package mrz

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

func TestFormat(t *testing.T) {
	anna := Document{
		Code: "P", Issuer: "UTO", Surname: "Eriksson", GivenNames: "Anna Maria", Number: "L898902C3", Nationality: "UTO",
		Birth: Date{1974, 8, 12}, Sex: Female, Expiry: Date{2012, 4, 15}, Optional: "ZE184226B",
	}
	lines, err := Format(anna)
	if err != nil {
		t.Fatal(err)
	}
	if lines != [2]string{anna1, anna2} {
		t.Errorf("got %q", lines)
	}

	for name, spoil := range map[string]func(*Document){
		"document code":   func(d *Document) { d.Code = "V" },
		"document number": func(d *Document) { d.Number = "L898902C3X" },
		"issuing state":   func(d *Document) { d.Issuer = "uto" },
		"date of birth":   func(d *Document) { d.Birth = Date{1974, 2, 30} },
		"sex":             func(d *Document) { d.Sex = "W" },
		"has no letters":  func(d *Document) { d.Surname = "-" },
		"no spelling":     func(d *Document) { d.GivenNames = "安娜" },
	} {
		t.Run("bad "+name, func(t *testing.T) {
			d := anna
			spoil(&d)
			if _, err := Format(d); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got error %v, want one about the %s", err, name)
			}
		})
	}
}

func TestFormatNames(t *testing.T) {
	for _, tc := range []struct{ surname, given, want string }{
		// Doc 9303-4, 4.2.3
		{"Smith-Jones", "Susie Margaret", "SMITH<JONES<<SUSIE<MARGARET"},
		{"O'Connor", "Enya Siobhan", "OCONNOR<<ENYA<SIOBHAN"},
		{"Van Der Muellen", "Martin", "VAN<DER<MUELLEN<<MARTIN"},
		{"Arkfreith", "", "ARKFREITH"},
		{"Nilavadhanananda", "Arnpol Petch Charonguang", "NILAVADHANANANDA<<ARNPOL<PETCH<CHARONGU"},
		{"Papandropoulous", "Jonathon Warren Trevor", "PAPANDROPOULOUS<<JONATHON<WARREN<TREVOR"},
		// The last column is a letter, though the cut falls on a filler.
		{"Nilavadhanananda", "Chayapa Dejthamrongx Krasuang", "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"},
		{"Bennelong Wooloomooloo Warrandyte Warnambool", "Dingo Potoroo", "BENNELONG<WOOLOOMOOLOO<WARRANDYTE<WA<<D"}, //nolint:misspell // a place in Victoria
		// Spelling
		{"Müßig", "Jörg Åke", "MUESSIG<<JOERG<AAKE"},
		{"Щербаков", "Юрий", "SHCHERBAKOV<<IURII"},
		{"Nguyễn", "Thị Hằng", "NGUYEN<<THI<HANG"},
		{"Þórsson", "Æsa", "THORSSON<<AESA"},
	} {
		t.Run(tc.want, func(t *testing.T) {
			got, err := nameField(tc.surname, tc.given)
			if err != nil {
				t.Fatal(err)
			}
			if got != pad(tc.want, nameWidth) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// Whatever name can be written fills its field exactly and can be read.
func FuzzFormatNames(f *testing.F) {
	f.Add("Bennelong Wooloomooloo Warrandyte Warnambool", "Dingo Potoroo") //nolint:misspell // a place in Victoria
	f.Add("a b c d e f g h i j k l m n o p q r s t u v w x y z", "a b c d e f g h i j k l m n o p q")
	f.Add("ß’-", "İĳ")
	f.Fuzz(func(t *testing.T, surname, given string) {
		field, err := nameField(surname, given)
		if err != nil {
			return
		}
		if len(field) != nameWidth {
			t.Fatalf("%d columns: %q", len(field), field)
		}
		doc, err := Parse([]string{"P<UTO" + field, anna2}, ref)
		if err != nil {
			t.Fatalf("wrote %q: %v", field, err)
		}
		if s, _ := Transliterate(given); (s == "") != (doc.GivenNames == "") {
			t.Errorf("given names %q were read as %q", given, doc.GivenNames)
		}
	})
}

// The hand-written list is ISO 3166-1 as golang.org/x/text knows it.
func TestLookUpCountries(t *testing.T) {
	known := map[string]bool{}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			r, err := language.ParseRegion(string([]rune{a, b}))
			if err != nil || !r.IsCountry() || r.Canonicalize() != r || r.IsPrivateUse() {
				continue
			}
			code := r.ISO3()
			// What ISO 3166-1 only reserves, and states that are no more.
			if slices.Contains(strings.Fields("ASC CPT DGA TAA XKK QOO ZZZ ANT SCG NTZ PCI SUN YUG"), code) {
				continue
			}
			known[code] = true
			if LookUp(code) != Country {
				t.Errorf("%s (%s) is missing", code, r)
			}
		}
	}
	if listed := len(strings.Fields(iso3166)); listed != 249 || len(known) != listed {
		t.Errorf("%d codes listed, %d known to x/text, want 249 of each", listed, len(known))
	}
}

func TestLookUp(t *testing.T) {
	for code, want := range map[string]Kind{
		"D": Country, "GBD": Country, "RKS": Country, "UNO": Authority, "EUE": Authority, "XOM": Authority,
		"XXA": Person, "XXB": Person, "UTO": Specimen, "ZZZ": Unknown, "": Unknown, "DE": Unknown,
	} {
		if got := LookUp(code); got != want {
			t.Errorf("%q is kind %d, want %d", code, got, want)
		}
	}
}
