package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// Terminal opens the terminal that the process was started from, wherever its
// streams lead: to read keys from, and to draw on.
func Terminal() (in, out *os.File, err error) {
	if in, out, err = tea.OpenTTY(); err != nil {
		return nil, nil, fmt.Errorf("open the terminal: %w", err)
	}
	return in, out, nil
}

// Watch lets a person step through a tape with keys, from a point on, until they
// leave or ctx is done. It needs a terminal on both sides, and gives it back as it
// was on every way out.
func Watch(ctx context.Context, in io.Reader, out io.Writer, t *Tape, at int, o Options) error {
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler()}
	if o.Ink.Colour {
		options = append(options, tea.WithColorProfile(colorprofile.ANSI))
	} else {
		options = append(options, tea.WithColorProfile(colorprofile.ASCII))
	}
	_, err := tea.NewProgram(screen{newViewer(t, at, o)}, options...).Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, tea.ErrInterrupted):
		return nil
	case err != nil:
		return fmt.Errorf("step through saga: %w", err)
	}
	return nil
}

// A screen is a viewer in a terminal.
type screen struct{ *viewer }

func (s screen) Init() tea.Cmd { return nil }

func (s screen) Update(m tea.Msg) (tea.Model, tea.Cmd) {
	switch m := m.(type) {
	case tea.WindowSizeMsg:
		s.resize(m.Width, m.Height)
	case tea.KeyPressMsg:
		if s.press(m.String()) {
			return s, tea.Quit
		}
	}
	return s, nil
}

func (s screen) View() tea.View {
	v := tea.NewView(s.frame())
	v.AltScreen = true
	return v
}
