package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// takesMany checks the arguments of a command that works on one saga or on many.
func takesMany(c *cobra.Command, args []string) error {
	switch {
	case len(args) < 1:
		return misused(c, fmt.Errorf("%s: <type> is missing", c.CommandPath()))
	case len(args) < 2:
		return misused(c, fmt.Errorf("%s: <id> is missing", c.CommandPath()))
	}
	for _, id := range args[1:] {
		if id == "-" && len(args) > 2 {
			return misused(c, errors.New("-: the ids come from standard input, or as arguments"))
		}
	}
	return nil
}

// many reports whether the command works on more than one saga.
func many(ids []string) bool { return len(ids) > 1 || ids[0] == "-" }

// ids calls see with each id: those of the arguments, or for - the lines of standard
// input. A line is an id, or a JSON object with one, as lists of sagas have it.
func (t *tool) ids(args []string, see func(id string) error) error {
	if args[0] != "-" {
		for _, id := range args {
			if err := see(id); err != nil {
				return err
			}
		}
		return nil
	}
	lines := bufio.NewReader(t.in)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read ids from standard input: %w", err)
		}
		if text := strings.TrimSpace(line); text != "" {
			id, failed := idOf(text)
			if failed != nil {
				return fmt.Errorf("read ids from standard input: line %d: %w", n, failed)
			}
			if failed := see(id); failed != nil {
				return failed
			}
		}
		if err != nil {
			return nil
		}
	}
}

func idOf(line string) (string, error) {
	if !strings.HasPrefix(line, "{") {
		return line, nil
	}
	var saga struct{ ID string }
	if err := json.Unmarshal([]byte(line), &saga); err != nil {
		return "", err
	}
	if saga.ID == "" {
		return "", errors.New(`the object has no "id"`)
	}
	return saga.ID, nil
}
