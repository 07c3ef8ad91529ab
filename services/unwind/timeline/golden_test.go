package timeline_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/sagatest"
	"github.com/unwind-saga/unwind/services/unwind/ink"
	"github.com/unwind-saga/unwind/services/unwind/live"
	"github.com/unwind-saga/unwind/services/unwind/timeline"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each story is played by real agents in virtual time, and then told both ways:
// line by line, and as a whole.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			history, now := play(t, file)
			for columns, suffix := range map[int]string{80: ".80.golden", 120: ".120.golden"} {
				compare(t, strings.TrimSuffix(file, ".txt")+suffix, tell(t, history, now, columns, ink.Ink{}))
			}
		})
	}
}

// In colour, the same text stands in the same places.
func TestColourChangesNothingElse(t *testing.T) {
	history, now := play(t, "testdata/fallback.txt")
	plain := tell(t, history, now, 100, ink.Ink{Symbols: true})
	colour := tell(t, history, now, 100, ink.Ink{Symbols: true, Colour: true})
	if plain == colour {
		t.Fatal("nothing is coloured")
	}
	if bare := strip(colour); bare != plain {
		t.Errorf("without its colours it reads\n%s\nwant\n%s", bare, plain)
	}
	compare(t, "testdata/fallback.symbols.golden", plain)
}

func strip(text string) string {
	return regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(text, "")
}

func play(t *testing.T, file string) (history []events.Event, now time.Time) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	story, err := sagatest.ParseStory(file, string(text))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		log := eventtest.NewLog()
		defer log.Close()
		if history, err = sagatest.NewStage(t, log).Play(t, story); err != nil {
			t.Fatal(err)
		}
		now = time.Now()
	})
	return history, now
}

func tell(t *testing.T, history []events.Event, now time.Time, columns int, in ink.Ink) string {
	t.Helper()
	s, err := saga.Fold(history)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := live.New(&b, live.Options{Ink: in, Columns: columns}).All(history); err != nil {
		t.Fatal(err)
	}
	b.WriteString("\n")
	if err := timeline.Print(&b, history, s, now, timeline.Options{Ink: in, Columns: columns}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}
