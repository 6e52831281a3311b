package app

import (
	"github.com/spf13/cobra"
)

func newCompletion(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion",
		Short: "Print what completes commands in your shell",
		Long: "Print a script that has your shell complete commands and flags with the Tab key, names of backups in\n" +
			"BACKUP_DIR, and, where you are signed in, names of collections.",
		Example: "  source <(semantik completion bash)\n" +
			"  semantik completion zsh > \"${fpath[1]}/_semantik\"\n" +
			"  semantik completion fish > ~/.config/fish/completions/semantik.fish",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		s.completionFor("bash", "It needs the package bash-completion.\n\nFor this shell alone:  source <(semantik completion bash)",
			"  source <(semantik completion bash)\n  semantik completion bash > /etc/bash_completion.d/semantik",
			func(root *cobra.Command) error { return root.GenBashCompletionV2(s.stdout, true) }),
		s.completionFor("zsh", "It needs \"autoload -U compinit; compinit\" in ~/.zshrc.",
			"  semantik completion zsh > \"${fpath[1]}/_semantik\"",
			func(root *cobra.Command) error { return root.GenZshCompletion(s.stdout) }),
		s.completionFor("fish", "fish reads it by itself from the folder of the example.",
			"  semantik completion fish > ~/.config/fish/completions/semantik.fish",
			func(root *cobra.Command) error { return root.GenFishCompletion(s.stdout, true) }),
	)
	return withExitCodes(cmd)
}

func (s *shell) completionFor(name, long, example string, write func(root *cobra.Command) error) *cobra.Command {
	return withExitCodes(&cobra.Command{
		Use:     name,
		Short:   "Print the script for " + name,
		Long:    "Print a script that has " + name + " complete what you type.\n\n" + long,
		Example: example,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return write(cmd.Root()) },
	})
}
