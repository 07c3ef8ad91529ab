package cli

import "github.com/spf13/cobra"

func (t *tool) agentCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "agent",
		Short: "Run, check, list and describe agents",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		t.agentRunCommand(),
		t.verifyCommand(),
		t.agentListCommand(),
		t.agentDescribeCommand(),
	)
	return c
}
