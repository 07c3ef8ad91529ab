package cli

import "github.com/spf13/cobra"

func (t *tool) eventCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "event",
		Short: "Look at events across sagas",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.tailCommand())
	return c
}
