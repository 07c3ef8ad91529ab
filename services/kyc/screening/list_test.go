package screening

import (
	"strings"
	"testing"
)

const moriarty = `1,"MORIARTY, James",individual,"[X]",-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,"DOB 31 Oct 1961."` + "\r\n"

func TestRead(t *testing.T) {
	l, err := Read(strings.NewReader(moriarty+"2,\"A SHIP\",vessel,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- ,-0- \r\n\x1a"),
		strings.NewReader("1,1,\"aka\",\"SIGERSON\",-0- \r\n2,2,\"aka\",\"A BOAT\",-0- \r\n\x1a"))
	if err != nil {
		t.Fatal(err)
	}
	e := l.Entries()
	if len(e) != 1 || e[0].Name != "MORIARTY, James" || len(e[0].Aliases) != 1 || e[0].Births[0].Date.String() != "1961-10-31" {
		t.Errorf("got %+v", e)
	}
	if hits := l.Screen(Person{Name: "a ship"}, Config{}); hits != nil {
		t.Errorf("a ship was hit: %+v", hits)
	}
}

func TestReadMistakes(t *testing.T) {
	for _, tc := range []struct{ name, sdn, alt, want string }{
		{"columns", "1,\"MORIARTY, James\",individual\n", "", "main file: line 1: 3 columns, want 12"},
		{"twice", moriarty + moriarty, "", "line 2: entry 1 is there twice"},
		{"no such day", strings.Replace(moriarty, "31 Oct", "31 Nov", 1), "", "no such day"},
		{"no letters", strings.Replace(moriarty, "MORIARTY, James", "...", 1), "", "has no letters"},
		{"an alias of nobody", moriarty, "7,1,\"aka\",\"X\",-0- \n", "alternate names: line 1: alias \"X\" of entry 7"},
		{"quotes", "1,\"MORIARTY", "", "main file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Read(strings.NewReader(tc.sdn), strings.NewReader(tc.alt)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestDefault(t *testing.T) {
	entries, aliases := Default().Entries(), 0
	for _, e := range entries {
		aliases += len(e.Aliases)
		if len(e.Births) == 0 || e.Program == "" || !strings.Contains(e.Remarks, "fictional") {
			t.Errorf("entry %s is not whole: %+v", e.Number, e)
		}
	}
	if len(entries) != 40 || aliases != 23 {
		t.Errorf("%d people with %d aliases, want 40 with 23", len(entries), aliases)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(moriarty, "1,1,\"aka\",\"SIGERSON\",-0- \n", "Sigerson")
	f.Add("1,黄,individual,,,,,,,,,DOB circa 1966; alt. DOB 1 Jan 1970 to 3 Mar 1971\n\x1a", "", "خالد")
	f.Fuzz(func(t *testing.T, sdn, alt, name string) {
		l, err := Read(strings.NewReader(sdn), strings.NewReader(alt))
		if err != nil {
			return
		}
		for _, h := range l.Screen(Person{Name: name}, Config{Threshold: 0.01}) {
			if h.Score < 0 || h.Score > 1.0000001 {
				t.Errorf("score %v", h.Score)
			}
		}
		for _, e := range l.Entries() {
			if hits := l.Screen(Person{Name: e.Name}, Config{}); len(hits) == 0 {
				t.Errorf("%q does not find itself", e.Name)
			}
		}
	})
}
