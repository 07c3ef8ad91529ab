package replay

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga"
	"github.com/unwind-saga/unwind/saga/sagatest"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The stories are those of package timeline, played by real agents.
func play(t *testing.T, name string) *Tape {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "timeline", "testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	story, err := sagatest.ParseStory(name, string(text))
	if err != nil {
		t.Fatal(err)
	}
	var history []events.Event
	synctest.Test(t, func(t *testing.T) {
		log := eventtest.NewLog()
		defer log.Close()
		if history, err = sagatest.NewStage(t, log).Play(t, story); err != nil {
			t.Fatal(err)
		}
	})
	for i := range history {
		history[i].ID = fmt.Sprintf("event-%d", history[i].Seq) // as unique as the real one, and always the same
	}
	return New(history)
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
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

func TestPoints(t *testing.T) {
	for name, points := range map[string][]int{
		"fallback": {0, 1, 8, 13, 15, 17}, "stuck": {9, 12}, "takeover": {2, 3}, "stranded": {7, 9}, "asks": {8},
	} {
		for _, columns := range []int{80, 120} {
			t.Run(fmt.Sprintf("%s/%d", name, columns), func(t *testing.T) {
				tape := play(t, name)
				o := Options{Columns: columns}
				var b strings.Builder
				if err := List(&b, tape, o); err != nil {
					t.Fatal(err)
				}
				for _, n := range points {
					fmt.Fprintf(&b, "\n%s\n", strings.Repeat("-", columns))
					if err := Print(&b, tape, tape.At(n), o); err != nil {
						t.Fatal(err)
					}
				}
				fmt.Fprintf(&b, "\n%s\n", strings.Repeat("-", columns))
				if err := PrintDiff(&b, tape, points[0], tape.Len(), o); err != nil {
					t.Fatal(err)
				}
				compare(t, fmt.Sprintf("%s.%d", name, columns), b.String())
			})
		}
	}
}

// What programs are told of one point, and of all.
func TestReports(t *testing.T) {
	tape := play(t, "fallback")
	data, err := json.MarshalIndent(Reports(tape, tape.At(13)), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "fallback.json", string(data)+"\n")
	data, err = json.Marshal(Reports(tape, tape.At(0)))
	if want := `[{"type":"story","id":"1","step":0,"of":20,"seq":0,"event":null,"late":false,"status":"","steps":[],"waiting_for":[],"moves":[]}]`; err != nil || string(data) != want {
		t.Errorf("before the first event: %s, %v, want %s", data, err, want)
	}
}

// What was owed at a point was done later by somebody, in a saga that ended.
func TestEveryMoveIsMet(t *testing.T) {
	for _, name := range []string{"fallback", "beside", "skipped", "takeover", "cancelled"} {
		tape := play(t, name)
		for n := range tape.Len() + 1 {
			for _, m := range tape.At(n).Moves {
				// The saga may have turned before a timer came due.
				if m.Write != nil && m.Met == nil {
					t.Errorf("%s, point %d: %s owed %s, and nobody wrote it", name, n, m.By, m.Write.Subject)
				}
			}
		}
	}
}

// From there to here is the reverse of from here to there.
func TestDiffBothWays(t *testing.T) {
	tape := play(t, "fallback")
	for from := range tape.Len() + 1 {
		for to := range tape.Len() + 1 {
			there, back := tape.Diff(from, to), tape.Diff(to, from)
			if len(there) != len(back) || from == to && len(there) > 0 {
				t.Fatalf("from %d to %d: %v, back: %v", from, to, there, back)
			}
			for _, c := range there {
				found := false
				for _, d := range back {
					found = found || d == Change{c.Path, c.To, c.From}
				}
				if !found {
					t.Errorf("from %d to %d: %v is not undone by %v", from, to, c, back)
				}
			}
		}
	}
}

func TestWhereToStop(t *testing.T) {
	tape := play(t, "fallback")
	last := tape.history[tape.Len()-1]
	for what, got := range map[string][2]int{
		"before the first":  {tape.Seq(0), 0},
		"at the third":      {tape.Seq(tape.history[2].Seq), 3},
		"after the last":    {tape.Seq(last.Seq + 100), tape.Len()},
		"an hour before":    {tape.Time(last.Time.Add(-time.Hour)), 0},
		"at half a second":  {tape.Time(tape.began().Add(500 * time.Millisecond)), 4},
		"an hour later":     {tape.Time(last.Time.Add(time.Hour)), tape.Len()},
		"out of its range":  {tape.At(1000).N, tape.Len()},
		"before its begin":  {tape.At(-1).N, 0},
		"the final step is": {len(tape.final), 0},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", what, got[0], got[1])
		}
	}
}

// written makes a history by hand, for what agents never write.
func written(t testing.TB, told ...any) *Tape {
	t.Helper()
	var history []events.Event
	for i := 0; i < len(told); i += 2 {
		subject := told[i].(events.Subject)
		subject.Type, subject.ID = "trip", "1"
		e, err := events.New(subject, "shop", events.Event{}, told[i+1])
		if err != nil {
			t.Fatal(err)
		}
		e.Seq, e.Time, e.ID = uint64(10+i), time.Date(2026, 1, 2, 3, 4, 5+i, 0, time.UTC), fmt.Sprint("event-", i)
		history = append(history, e)
	}
	return New(history)
}

func TestLateAndSenseless(t *testing.T) {
	task := events.Subject{Kind: events.Submitted}
	claim := events.Claim{Agent: "seat", Instance: "seat@1"}
	for name, tape := range map[string]*Tape{
		"late": written(t, task, "x", events.ClaimSubject("", "seat", 1, ""), claim,
			events.Subject{Kind: events.Unwinding}, events.Turn{Reason: events.ReasonCancelled, By: "ada"},
			events.Subject{Step: "seat", Kind: events.Completed}, events.Done{Agent: "seat"}),
		"senseless": written(t, task, "x", events.Subject{Step: "seat", Kind: events.Completed}, events.Done{Agent: "seat"},
			events.ClaimSubject("", "seat", 1, ""), claim),
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := List(&b, tape, Options{}); err != nil {
				t.Fatal(err)
			}
			for n := 2; n <= tape.Len(); n++ {
				fmt.Fprintln(&b)
				if err := Print(&b, tape, tape.At(n), Options{}); err != nil {
					t.Fatal(err)
				}
			}
			if err := PrintDiff(&b, tape, 1, tape.Len(), Options{}); err != nil {
				t.Fatal(err)
			}
			compare(t, name, b.String())
		})
	}
}

// A person plays with the keys; what is on the screen then.
func TestKeys(t *testing.T) {
	tape := play(t, "fallback")
	var b strings.Builder
	for _, size := range [][2]int{{80, 24}, {120, 36}} {
		v := newViewer(tape, tape.Len(), Options{})
		v.resize(size[0], size[1])
		for _, keys := range []string{"", "g", "right right j l space f", "d", "d e", "e m f f d", "d F ?", "? G", "J J J K", "x", "q"} {
			quit := false
			for _, key := range strings.Fields(keys) {
				quit = v.press(key)
			}
			fmt.Fprintf(&b, "%s keys: %s, quit: %v\n%s\n", strings.Repeat("=", 8), keys, quit, v.frame())
		}
	}
	compare(t, "keys", b.String())
}

// Whatever is pressed in whatever window, the screen is full and no fuller; and a
// point looks the same from both sides.
func TestScreenIsFull(t *testing.T) {
	all := []string{"right", "left", "pgdown", "pgup", "g", "G", "f", "F", "J", "K", "m", "d", "e", "?", "x"}
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"fallback", "stuck", "asks", "rejected"} {
		v := newViewer(play(t, name), 0, Options{Ink: ink.Ink{Colour: true, Symbols: true}})
		for range 300 {
			v.press(all[random.IntN(len(all))])
			if random.IntN(10) == 0 {
				v.resize(20+random.IntN(140), 3+random.IntN(50))
			}
			lines := strings.Split(v.frame(), "\n")
			if len(lines) > max(v.height, 10) {
				t.Fatalf("%s: %d lines in a window of %d:\n%s", name, len(lines), v.height, v.frame())
			}
			for _, line := range lines {
				if w := ink.Width(bare(line)); w > v.width {
					t.Fatalf("%s: a line takes %d columns of %d: %s", name, w, v.width, line)
				}
			}
		}
		v.press("g")
		v.resize(80, 24)
		forth := map[int]string{}
		for v.pane = whole; v.at < v.tape.Len(); v.press("right") {
			forth[v.at] = v.frame()
		}
		for v.press("left"); v.at > 0; v.press("left") {
			if v.frame() != forth[v.at] {
				t.Fatalf("%s: point %d looks otherwise from behind", name, v.at)
			}
		}
	}
}

func bare(text string) string {
	for {
		from := strings.IndexByte(text, 0x1b)
		if from < 0 {
			return text
		}
		until := strings.IndexByte(text[from:], 'm')
		text = text[:from] + text[from+until+1:]
	}
}

// long is as long as a history may be.
func long(t testing.TB) *Tape {
	told := []any{events.Subject{Kind: events.Submitted}, "x"}
	for n := 1; n <= 499; n++ {
		told = append(told, events.ClaimSubject("", "seat", n, ""), events.Claim{Agent: "seat", Instance: "seat@1"},
			events.Subject{Step: "seat", Kind: events.Failed, N: n}, events.Failure{Agent: "seat", Then: events.ThenRetry})
	}
	return written(t, told...)
}

func TestLongHistory(t *testing.T) {
	tape := long(t)
	if s := tape.At(tape.Len()).State; s == nil || s.Status() != saga.Running || len(s.Steps[0].Attempts) != 499 {
		t.Errorf("at its end: %+v", s)
	}
}

// BenchmarkFrame is what a key costs in the longest history.
func BenchmarkFrame(b *testing.B) {
	v := newViewer(long(b), 0, Options{})
	v.resize(120, 40)
	for b.Loop() {
		v.press("G")
		_ = v.frame()
		v.press("left")
		_ = v.frame()
	}
}
