package sagatest

import (
	"embed"
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwind-saga/unwind/events"
	"github.com/unwind-saga/unwind/saga"
)

//go:embed testdata/*.txt
var files embed.FS

// Stories returns all stories.
func Stories(t testing.TB) []*Story {
	t.Helper()
	names, err := fs.Glob(files, "testdata/*.txt")
	require.NoError(t, err)
	var list []*Story
	for _, name := range names {
		text, err := files.ReadFile(name)
		require.NoError(t, err)
		s, err := ParseStory(strings.TrimSuffix(path.Base(name), ".txt"), string(text))
		require.NoError(t, err)
		list = append(list, s)
	}
	return list
}

// Tell plays a story on a log, checks the invariants and the effects, and
// returns the history as it stands below the line of the story's file.
func Tell(t *testing.T, story *Story, log events.Log) string {
	t.Helper()
	stage := NewStage(t, log)
	state, history := play(t, stage, story)
	return Transcript(history) + stage.Epilogue(state)
}

// play plays a story and says what is wrong with how it came out.
func play(t *testing.T, stage *Stage, story *Story) (*saga.State, []events.Event) {
	t.Helper()
	history, err := stage.Play(t, story)
	require.NoError(t, err)
	state, err := saga.Fold(history)
	require.NoError(t, err)
	if err := stage.verdict(story, state, history); err != nil {
		t.Errorf("story %s: %v\n%s", story.Name, err, Transcript(history))
	}
	return state, history
}

// verdict says what is wrong with how a story came out.
func (s *Stage) verdict(story *Story, state *saga.State, history []events.Event) error {
	err := Check(history, story.Late)
	if story.Left {
		return err
	}
	if !state.Ended() {
		err = errors.Join(err, errors.New("I4 is broken: the saga has not ended"))
	}
	return errors.Join(err, s.Clean(state))
}

// Untimed cuts the times from a transcript, for logs whose timers come a little
// late.
func Untimed(transcript string) string {
	lines := strings.Split(transcript, "\n")
	for i, line := range lines {
		if len(line) > 9 && line[0] == ' ' {
			lines[i] = line[9:]
		}
	}
	return strings.Join(lines, "\n")
}
