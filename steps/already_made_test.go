package steps

import (
	"strings"
	"testing"

	"spa-runner/pipeline"
)

func TestNotAlreadyMade(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		makefile, added, target, may string
		refused                      bool
	}{
		"nothing there":      {makefile: "deploy:", added: "other", target: "deploy"},
		"a file":             {makefile: "deploy:", added: "deploy", target: "deploy", refused: true},
		"a folder":           {makefile: "deploy:", added: "deploy/x", target: "deploy", refused: true},
		"another way to it":  {makefile: "deploy:", added: "deploy", target: "./deploy", refused: true},
		"phony":              {makefile: "a:\n.PHONY: a \\\n  deploy # all\n", added: "deploy", target: "deploy"},
		"phony in a comment": {makefile: "# .PHONY: deploy\n.PHONY: a # deploy\n", added: "deploy", target: "deploy", refused: true},
		"another is phony":   {makefile: ".PHONY: deploy-all\n", added: "deploy", target: "deploy", refused: true},
		"may be there":       {makefile: "deploy:", added: "deploy", target: "deploy", may: "deploy"},
		"no makefile":        {makefile: "", added: "deploy", target: "deploy", refused: true},
	} {
		files := map[string]string{"Makefile": c.makefile, "tracked": "x"}
		if c.makefile == "" {
			delete(files, "Makefile")
		}
		dir, entries := tracked(t, files)
		write(t, dir, map[string]string{c.added: "x"})
		err := NotAlreadyMade(dir, entries, []string{"tracked", c.target}, patternsOf(t, c.may))
		if (err != nil) != c.refused || err != nil && (!strings.Contains(err.Error(), `new file "deploy"`) || pipeline.Hint(err) == "") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
