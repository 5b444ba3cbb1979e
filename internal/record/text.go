package record

import (
	"fmt"
	"slices"
	"strings"
)

// Last is the pass that is the last one by now.
func (r Record) Last() Pass {
	if len(r.Passes) == 0 {
		return Pass{}
	}
	return r.Passes[len(r.Passes)-1]
}

// Told is what there is to warn of: the warnings of all passes, each once, and
// behind those of a pass what had to be tried again in it. Retries that came to
// nothing are left out, since the error of the step says the same, and how many
// there were.
func (r Record) Told() []string {
	var texts []string
	for _, p := range r.Passes {
		texts = append(texts, p.Warnings...)
		for _, retry := range p.Retries {
			if !strings.Contains(p.errorOf(retry.Step), "(given up after ") { // retry.Error
				texts = append(texts, retry.String())
			}
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(texts, func(text string) bool {
		before := seen[text]
		seen[text] = true
		return before
	})
}

func (p Pass) errorOf(step string) string {
	for _, s := range p.Steps {
		if s.Name == step {
			return s.Error
		}
	}
	return ""
}

// String is what a person reads of it.
func (r Retry) String() string {
	times := "once"
	if r.Times > 1 {
		times = fmt.Sprintf("%d times", r.Times)
	}
	return fmt.Sprintf("%s was retried %s, the last time after: %s", r.What, times, r.Error)
}
