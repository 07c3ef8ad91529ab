package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/unwind-saga/unwind/services/host"
)

func (t *tool) versionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  unwind version -o json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := host.Version()
			if t.json() {
				return t.print(v)
			}
			_, err := fmt.Fprintf(t.out, "unwind %s\n", v)
			return err
		},
	}
	t.outputFlag(c)
	return c
}
