package cli

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// The formats of an answer. As text it is for people and may change; the keys of
// the others are fixed.
const (
	asText  = "text"
	asJSON  = "json"  // indented; a list is one array
	asLines = "jsonl" // an object on each line: a list that nobody needs to hold whole
)

var formats = []string{asText, asJSON, asLines}

// outputFlag adds -o to a command. It may have formats of its own, too.
func (t *tool) outputFlag(c *cobra.Command, more ...string) {
	all := slices.Concat(formats, more)
	c.Flags().StringVarP(&t.format, "output", "o", asText, either(all))
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp))
	_ = c.Flags().SetAnnotation("output", formatsKey, all)
}

// formatsKey is where a flag keeps the formats that its command has.
const formatsKey = "unwind_formats"

// either lists words: "text, json or jsonl".
func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// json reports whether a program reads the answer.
func (t *tool) json() bool { return t.format == asJSON || t.format == asLines }

// print writes an answer, on one line where lines are asked for.
func (t *tool) print(answer any) error {
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	if t.format != asLines {
		e.SetIndent("", "  ")
	}
	return e.Encode(answer)
}

// printAll writes a list: as one array, or an element on each line.
func printAll[T any](t *tool, list []T) error {
	if t.format != asLines {
		if list == nil {
			list = []T{}
		}
		return t.print(list)
	}
	for _, element := range list {
		if err := t.print(element); err != nil {
			return err
		}
	}
	return nil
}
