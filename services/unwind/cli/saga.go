package cli

import "github.com/spf13/cobra"

func (t *tool) sagaCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "saga",
		Short: "Start, find, show, watch, cancel and mend sagas",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		t.startCommand(),
		t.listCommand(),
		t.showCommand(),
		t.resultCommand(),
		t.sagaExportCommand(),
		t.watchCommand(),
		t.cancelCommand(),
		t.rerunCommand(),
		t.redoCommand(),
		t.resolveCommand(),
	)
	return c
}
