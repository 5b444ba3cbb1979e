package steps

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHold(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 100)
	for name, test := range map[string]struct{ file, want string }{
		"none":                {"(none)", ""},
		"a line":              {"release freeze until Monday\nsecond line\n", "release freeze until Monday"},
		"no end of the line":  {"freeze", "freeze"},
		"CRLF, BOM, blanks":   {"\ufeff\r\n \t\r\n  the \t reason \r\nmore", "the reason"},
		"empty":               {"", "HOLD does not say why"},
		"white space":         {" \n\t\n", "HOLD does not say why"},
		"control characters":  {"a\x1b[31mred\x00\x07\u202eevil\u200b\n", "a [31mred evil"},
		"not UTF-8":           {"caf\xe9\n", "caf\ufffd"},
		"a long line":         {long, strings.TrimSpace(long[:200]) + " …"},
		"one long word":       {strings.Repeat("x", 5000), "…"},
		"a word that is long": {"see " + strings.Repeat("x", 300), "see …"},
		"symlink":             {"@settings.yaml", "HOLD is no file, and does not say why"},
		"symlink to nothing":  {"@nothing", "HOLD is no file, and does not say why"},
		"folder":              {"/", "HOLD is no file, and does not say why"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOverlay(t, map[string]string{"settings.yaml": "x"}, map[string]string{"Makefile": "x"})
			switch {
			case test.file == "(none)":
			case strings.HasPrefix(test.file, "@"):
				link(t, test.file[1:], filepath.Join(o.from, "HOLD"))
			case test.file == "/":
				write(t, o.from, map[string]string{"HOLD/x": "x"})
			default:
				write(t, o.from, map[string]string{"HOLD": test.file})
			}
			hold := "not told"
			o.Hold = &hold
			s := newStage(t)
			s.mustRun(o)
			if hold != test.want {
				t.Errorf("got %q, want %q", hold, test.want)
			}
			if warned := s.count("the environment is on hold: it will be tested and not deployed"); (warned == 1) != (test.want != "") {
				t.Errorf("warned %d times", warned)
			}
			if _, err := os.Lstat(filepath.Join(o.Code, "HOLD")); !os.IsNotExist(err) || len(o.laid) != 1 {
				t.Errorf("HOLD was laid over the code: %v, %v", o.laid, err)
			}
		})
	}
}

// Only that name at the top of the environment holds; what looks like it is warned about.
func TestHoldOfAnotherName(t *testing.T) {
	t.Parallel()
	o := newOverlay(t, map[string]string{"HOLD.md": "x", "hold": "x", "HOLDING": "x", "sub/HOLD": "x"}, nil)
	var hold string
	o.Hold = &hold
	s := newStage(t)
	s.mustRun(o)
	if n := s.count("a file is named almost like one that holds the environment, but only HOLD does so"); hold != "" || n != 2 {
		t.Errorf("held %q, warned %d times, want 2", hold, n)
	}
	if len(o.laid) != 4 || readFile(t, o.Code, "sub/HOLD") != "x" {
		t.Errorf("laid %v", o.laid)
	}
}

// A protected name does not stand against a freeze, and nothing but a HOLD is nothing.
func TestHoldIsNoFileOfTheSettings(t *testing.T) {
	t.Parallel()
	o := newOverlay(t, map[string]string{"HOLD": "x", "settings.yaml": "x"}, map[string]string{"HOLD": "of the code"})
	o.Protect = patternsOf(t, "HOLD")
	newStage(t).mustRun(o)
	if got := readFile(t, o.Code, "HOLD"); got != "of the code" {
		t.Errorf("got %q", got)
	}
	o = newOverlay(t, map[string]string{"HOLD": "x"}, nil)
	o.wantRefusal("is empty")
}
