package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

func (t *tool) manCommand() *cobra.Command {
	var folder string
	c := &cobra.Command{
		Use:   "man",
		Short: "Write the manual's pages",
		Long: `Write a manual page for each command into a folder, which is made. The same text is
in each command's --help.`,
		Example: `  unwind man -d ~/.local/share/man/man1
  man unwind-saga-show`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // pages are for all
				return &exit{exitError, err}
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			asMarkdown(root)
			if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "unwind", Manual: "Unwind"}, folder); err != nil {
				return &exit{exitError, fmt.Errorf("write the manual's pages: %w", err)}
			}
			t.say("written to %s", folder)
			return nil
		},
	}
	c.Flags().StringVarP(&folder, "directory", "d", "man", "the folder")
	return c
}

// asMarkdown makes Markdown of a command's texts, from which the pages are made: what
// stands in angle brackets would be taken for HTML, and what is indented for prose.
func asMarkdown(c *cobra.Command) {
	escape := strings.NewReplacer("<", `\<`, "*", `\*`, "_", `\_`).Replace
	c.Use, c.Short = escape(c.Use), escape(c.Short)
	lines := strings.Split(c.Long, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") {
			lines[i] = "  " + line // of four columns or more: code
		} else {
			lines[i] = escape(line)
		}
	}
	c.Long = strings.Join(lines, "\n")
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = escape(f.Usage) })
	for _, sub := range c.Commands() {
		asMarkdown(sub)
	}
}
