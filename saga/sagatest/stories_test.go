package sagatest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/events/eventtest"
)

var update = flag.Bool("update", false, "write the stories' histories anew")

func TestStories(t *testing.T) {
	for _, story := range Stories(t) {
		t.Run(story.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := eventtest.NewLog()
				defer log.Close()
				got := Tell(t, story, log)
				if *update {
					file := filepath.Join("testdata", story.Name+".txt")
					require.NoError(t, os.WriteFile(file, []byte(story.File(got)), 0o644))
					return
				}
				require.Equal(t, story.Want, got)
			})
		})
	}
}

// TestCrashAnywhere kills the process that makes an append, before it or after
// it, at every append of a story, and brings it back two seconds later. However
// that comes out, the saga ends, nothing is left behind, and nothing is done
// twice (I2, I4).
func TestCrashAnywhere(t *testing.T) {
	for _, name := range []string{
		"happy", "diamond", "first-fails", "last-fails", "retries", "fallback", "fallback-after-unknown",
		"fallback-cannot-clear", "branch-fails", "join-two-replicas", "cancel", "undo-retries", "not-json",
		"callback", "callback-overdue", "person-hands-back", "person-hands-back-in-vain", "nobody-answers", "person-refuses",
		"pivot-refused", "after-the-pivot-a-person", "after-the-pivot-again", "beside-the-pivot", "after-the-pivot-cannot-clear", "rejected-beside-the-pivot", "handed-to-and-fro",
		"beside-the-pivot-handed-back", "handed-back-after-unknown", "large", "large-undone",
		"skipped", "skipped-then-back", "condition-changed",
	} {
		t.Run(name, func(t *testing.T) {
			points := crash(t, name, -1, false)
			require.NotZero(t, points)
			for n := range points {
				for _, written := range []bool{false, true} {
					when := map[bool]string{false: "before", true: "after"}[written]
					t.Run(fmt.Sprintf("%s-%d", when, n+1), func(t *testing.T) { crash(t, name, n, written) })
				}
			}
		})
	}
}

// However often it was begun, a large result is one object.
func TestLargeResultsAreStoredOnce(t *testing.T) {
	for name, objects := range map[string]int{
		"large": 1, "large-before-append": 1, "large-while-storing": 1, "large-late-replica": 1, "large-turned": 1, "large-undone": 2,
	} {
		t.Run(name, func(t *testing.T) {
			story := find(t, name)
			synctest.Test(t, func(t *testing.T) {
				log := eventtest.NewLog()
				defer log.Close()
				play(t, NewStage(t, log), story)
				require.Equal(t, objects, log.Objects(storyType))
			})
		})
	}
}

func find(t *testing.T, name string) *Story {
	t.Helper()
	for _, story := range Stories(t) {
		if story.Name == name {
			return story
		}
	}
	t.Fatalf("no story %q", name)
	return nil
}

// crash plays a story in which append n dies, and counts the appends of agents.
func crash(t *testing.T, name string, n int, written bool) (appends int) {
	t.Helper()
	for _, story := range Stories(t) {
		if story.Name != name {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			log := eventtest.NewLog()
			defer log.Close()
			stage := NewStage(t, log)
			counts := map[bool]int{}
			stage.Crash = func(_ events.Event, w bool) bool {
				stage.mu.Lock()
				defer stage.mu.Unlock()
				counts[w]++
				return w == written && counts[w] == n+1
			}
			// Whoever crashed loses what it held until its lease is over.
			play(t, stage, story)
			appends = counts[true]
		})
	}
	return appends
}
