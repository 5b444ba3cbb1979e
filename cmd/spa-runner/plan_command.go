package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"spa-runner/internal/config"
	"spa-runner/internal/identity"
	"spa-runner/pipeline"
	"spa-runner/steps"
)

// planned is what `plan --json` prints.
type planned struct {
	Preview   bool              `json:"preview"` // nothing is deployed
	Deploys   bool              `json:"deploys"` // the target that deploys is made
	Steps     []plannedStep     `json:"steps"`
	Variables []config.Resolved `json:"variables"`
	Withheld  []string          `json:"withheld_from_children"`
	Warnings  []string          `json:"warnings"`
}

type plannedStep struct {
	Name    string           `json:"name"`
	Scope   string           `json:"scope"`
	Account string           `json:"account,omitempty"`
	Params  []pipeline.Param `json:"params"`
	// After says that it is no part of the list, but done after each pass.
	After bool `json:"after_each_pass,omitempty"`
}

func (p *program) planCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan [flags]",
		Short: "Show what a run would do, and touch nothing",
		Long: `Show the ten steps with their parameters and the identity that each holds,
what children do not see, and what variables.sh may still change. Nothing is
asked on the network, assumed, cloned or written.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.config(cmd, p.environ)
			if err != nil {
				return err
			}
			p.register(c)
			plan := p.describePlan(c)
			p.unguard() // perhaps nobody reads what it says
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return p.printJSON(plan)
			}
			_, err = fmt.Fprint(p.stdout, p.redactor.String(plan.text()))
			return err
		},
	}
	p.addVariableFlags(cmd)
	cmd.Flags().Bool("json", false, "print it as JSON")
	return cmd
}

func (p *program) describePlan(c *config.Config) planned {
	nobody := func(identity.Assumption) aws.CredentialsProvider { return aws.AnonymousCredentials{} }
	planner := &planner{config: c, assume: nobody, build: c.Environ["CODEBUILD_BUILD_NUMBER"], facts: &facts{}}
	list := planner.plan()
	if what, _ := (afterPass{pass: 1, limit: c.MaxPasses, pinned: c.SettingsPin != ""}).decide(); what == lookFirst {
		list = append(list, planner.lookAgain())
	}
	env := c.ChildEnviron(p.environ)
	c.ExportTo(env) // of which the parameters of make-deploy tell
	plan := planned{
		Preview:   c.Previews(),
		Deploys:   c.Deploys(),
		Variables: c.Resolved, // [] and not null for programs:
		Withheld:  append([]string{}, env.Withheld()...), Warnings: append([]string{}, c.Warnings...),
	}
	for _, step := range list {
		s := plannedStep{Name: step.Name(), Scope: pipeline.ScopeOf(step), Params: step.Params()}
		_, s.After = step.(steps.LookAgain)
		switch s.Scope {
		case "settings":
			if c.CodeCommit != nil {
				s.Account = config.AccountOf(c.SettingsRole)
			}
		case "packages":
			s.Account = config.AccountOf(c.PackagesRole)
		case "deploy":
			s.Account = config.AccountOf(c.DeployRole)
		}
		plan.Steps = append(plan.Steps, s)
	}
	return plan
}

func (p planned) text() string {
	var b strings.Builder
	b.WriteString("The steps, in order; the first failure ends the run:\n\n")
	for i, s := range p.Steps {
		who := "as nobody"
		if s.Scope != "none" {
			who = "as " + s.Scope
		}
		if s.Account != "" {
			who += ", account " + s.Account
		}
		if s.After {
			b.WriteString("\nAfter each pass, failed or not, the run looks whether the settings have moved:\n\n")
		}
		fmt.Fprintf(&b, "%3d  %-22s  %s\n", i+1, s.Name, who)
		for _, param := range s.Params {
			fmt.Fprintf(&b, "       %-10s %s\n", param.Name, param.Value)
		}
	}
	switch {
	case p.Preview:
		b.WriteString("\nA preview: make-deploy makes nothing but " + config.PreviewTarget + ", so nothing is deployed, held or not.\n")
	case !p.Deploys:
		b.WriteString("\nThe target " + config.DeployTarget + " is not among those of make-deploy: the end of a run says what was made, and does not call it deployed.\n")
	}
	b.WriteString("\nThe variables (* may still be changed by variables.sh):\n\n")
	for _, v := range p.Variables {
		late := " "
		if v.Late {
			late = "*"
		}
		fmt.Fprintf(&b, "  %s %-34s %s  (%s)\n", late, v.Name, v.Value, v.Source)
	}
	b.WriteString("\nSet here, but seen by no child:\n\n  ")
	if len(p.Withheld) == 0 {
		b.WriteString("(nothing)")
	}
	b.WriteString(strings.Join(p.Withheld, "\n  ") + "\n")
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "\nwarning: %s\n", w)
	}
	return b.String()
}
