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
	{"a duplicate gets the first result", `do=1/"token_of_1" do=1/"token_of_1"`, 1},
	{"undone", `do=1/"token_of_1" undo=ok`, 0},
	{"undone twice", `do=1/"token_of_1" undo=ok undo=ok`, 0},
	{"done after it was undone", `do=1/"token_of_1" undo=ok do=dead`, 0},
	{"undone before it was done", "undo=nothing do=dead undo=nothing", 0},
	{"nothing was found by who undid", `do=1/"token_of_1" undonothing=nothing undo=nothing do=dead`, 1},
	{"a result without a token", `bare=%!s(<nil>)/%!s(<nil>) bare=%!s(<nil>)/%!s(<nil>) undo=ok`, 0},
	{"a failed effect leaves no trace", `fail=failed do=*`, 1},
	{"a panic leaves no trace", `panic=panicked do=*`, 1},
	{"a failed undoing leaves the effect", `do=1/"token_of_1" undofail=failed do=1/"token_of_1" undo=ok`, 0},
	{"a key inside of its own effect", `nested=begun! do=1/"token_of_1"`, 1},

	{"two phases", `begin= done="r"/%!s(<nil>) begin=done done="r"/%!s(<nil>)`, 0},
	{"the first result stays", `begin= done="r"/%!s(<nil>) done2="r"/%!s(<nil>)`, 0},
	{"begun and left", "begin= begin=begun", 0},
	{"a try that failed is forgotten", "begin= failed=ok look= begin= failed=ok", 0},
	{"one try failed, one unknown", "begin= begin=begun failed=ok begin=begun", 0},
	{"failed has no power over what is done", `begin= done="r"/%!s(<nil>) failed=ok begin=done`, 0},
	{"two phases undone", `begin= done="r"/%!s(<nil>) beginundo=done undone=ok begin=dead done=dead beginundo=dead`, 0},
	{"an unknown one is undone", "begin= beginundo=begun undone=ok beginundo=dead", 0},
	{"undone under a running effect", "begin= beginundo=begun done=dead undone=ok", 0},
	{"undoing was cut short", `begin= done="r"/%!s(<nil>) beginundo=done beginundo=undoing begin=dead`, 0},
	{"undone before it was begun", "beginundo= begin=dead undone=ok", 0},
	{"the second phase alone", "done=notbegun! undone=notbegun! failed=ok", 0},
	{"looking changes nothing", `look= begin= look=begun done="r"/%!s(<nil>) look=done beginundo=done look=undoing undone=ok look=dead`, 0},
	{"the forms do not mix", "begin= do=begun! undo=begun!", 0},
	{"what was done in one phase can be undone in two", `do=1/"token_of_1" beginundo=done undone=ok do=dead`, 1},
}

func tell[Tx any](t *testing.T, open func(t *testing.T) desk[Tx]) {
	for _, tc := range stories {
		t.Run(tc.name, func(t *testing.T) {
			d := open(t)
			for i, line := range strings.Fields(tc.story) {
				call, want, _ := strings.Cut(line, "=")
				if got := strings.ReplaceAll(d.call(t, call, "k"), " ", "_"); got != want && (want != "*" || !strings.Contains(got, "token")) {
					t.Fatalf("call %d, %s: got %q, want %q", i+1, call, got, want)
				}
			}
			if n := d.booked(t, "k"); n != tc.booked {
				t.Errorf("%d rows, want %d", n, tc.booked)
			}
		})
	}
}

func TestStories(t *testing.T) {
	for _, level := range []pgx.TxIsoLevel{"", pgx.RepeatableRead, pgx.Serializable} {
		t.Run("postgres "+string(level), func(t *testing.T) {
			tell(t, func(t *testing.T) desk[pgx.Tx] { return postgres(t, barrier.Config{Isolation: level}) })
		})
	}
}
