package barrier_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/unwind-saga/unwind/saga/barrier"
)

// Each story is a sequence of calls on one key, what each must answer, and how
// many rows are there in the end.
var stories = []struct {
	name, story string
	booked      int
}{
	{"a duplicate gets the first result", `do=first do=first`, 1},
	{"undone", `do=first undo=ok`, 0},
	{"undone twice", `do=first undo=ok undo=ok`, 0},
	{"done after it was undone", `do=first undo=ok do=dead`, 0},
	{"undone before it was done", "undo=nothing do=dead undo=nothing", 0},
	{"nothing was found by who undid", `do=first undonothing=nothing undo=nothing do=dead`, 1},
	{"a result without a token", `bare=-/- bare=-/- undo=ok`, 0},
	{"a failed effect leaves no trace", `fail=failed do=first`, 1},
	{"a panic leaves no trace", `panic=panicked do=first`, 1},
	{"a failed undoing leaves the effect", `do=first undofail=failed do=first undo=ok`, 0},
	{"a key inside of its own effect", `nested=begun! do=first`, 1},

	{"two phases", `begin= done="r"/- begin=done done="r"/-`, 0},
	{"the first result stays", `begin= done="r"/- done2="r"/-`, 0},
	{"begun and left", "begin= begin=begun", 0},
	{"a try that failed is forgotten", "begin= failed=ok look= begin= failed=ok", 0},
	{"one try failed, one unknown", "begin= begin=begun failed=ok begin=begun", 0},
	{"failed has no power over what is done", `begin= done="r"/- failed=ok begin=done`, 0},
	{"two phases undone", `begin= done="r"/- beginundo=done undone=ok begin=dead done=dead beginundo=dead`, 0},
	{"an unknown one is undone", "begin= beginundo=begun undone=ok beginundo=dead", 0},
	{"undone under a running effect", "begin= beginundo=begun done=dead undone=ok", 0},
	{"undoing was cut short", `begin= done="r"/- beginundo=done beginundo=undoing begin=dead`, 0},
	{"undone before it was begun", "beginundo= begin=dead undone=ok", 0},
	{"the second phase alone", "done=notbegun! undone=notbegun! failed=ok", 0},
	{"looking changes nothing", `look= begin= look=begun done="r"/- look=done beginundo=done look=undoing undone=ok look=dead`, 0},
	{"the forms do not mix", "begin= do=begun! undo=begun!", 0},
	{"what was done in one phase can be undone in two", `do=first beginundo=done undone=ok do=dead`, 1},
}

func tell[Tx any](t *testing.T, d desk[Tx]) {
	for _, tc := range stories {
		t.Run(tc.name, func(t *testing.T) {
			first := ""
			for i, line := range strings.Fields(tc.story) {
				call, want, _ := strings.Cut(line, "=")
				got := d.call(t, call, tc.name)
				if first == "" && strings.Contains(got, "/\"token of") {
					first = got
				}
				if want == "first" {
					want = first
				}
				if got != want {
					t.Fatalf("call %d, %s: got %q, want %q", i+1, call, got, want)
				}
			}
			if n := d.booked(t, tc.name); n != tc.booked {
				t.Errorf("%d rows, want %d", n, tc.booked)
			}
			if ran := d.ran(t)[tc.name]; ran[0] > 1 || ran[1] > 1 {
				t.Errorf("committed %d times, undone %d times", ran[0], ran[1])
			}
		})
	}
}

// levels are PostgreSQL's, of which the first is the default.
var levels = []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable}

func TestStories(t *testing.T) {
	for _, level := range levels {
		t.Run("postgres "+string(level), func(t *testing.T) { tell(t, postgres(t, barrier.Config{Isolation: level})) })
	}
	t.Run("sqlite", func(t *testing.T) { tell(t, sqlite(t, barrier.Config{})) })
}
