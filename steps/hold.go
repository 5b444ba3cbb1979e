package steps

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"go.uber.org/zap"

	"spa-runner/pipeline"
)

// HoldFile is the name of the entry in an environment folder that freezes it:
// everything is done but the deployment. It is a word to the runner, and is not
// laid over the code.
const HoldFile = "HOLD"

const (
	maxHoldRead = 4096 // bytes
	maxHoldLine = 200  // characters
)

// readHold gives the reason why the environment is frozen, "" if it is not. It
// is read from the settings before other people's code runs, and not from the
// code, where a test could take it away. Whatever cannot be read freezes too.
func readHold(environment string) string {
	file := filepath.Join(environment, HoldFile)
	info, err := os.Lstat(file)
	switch {
	case os.IsNotExist(err):
		return ""
	case err != nil:
		return fmt.Sprintf("%s cannot be read (%v)", HoldFile, err)
	case !info.Mode().IsRegular():
		return HoldFile + " is no file, and does not say why"
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Sprintf("%s cannot be read (%v)", HoldFile, err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxHoldRead))
	if err != nil {
		return fmt.Sprintf("%s cannot be read (%v)", HoldFile, err)
	}
	if line := firstLine(string(text)); line != "" {
		return line
	}
	return HoldFile + " does not say why"
}

// firstLine is the first line that has something in it, fit for a log.
func firstLine(text string) string {
	for line := range strings.Lines(strings.ToValidUTF8(strings.TrimPrefix(text, "\ufeff"), "\ufffd")) {
		line = strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return ' '
		}, line)
		words := strings.Fields(line)
		short, length := "", 0
		for i, word := range words {
			// Never within a word: half of a secret is one that the redactor does not know.
			if length += len([]rune(word)) + 1; length > maxHoldLine {
				return strings.TrimSpace(short + " …")
			}
			if i > 0 {
				short += " "
			}
			short += word
		}
		if short != "" {
			return short
		}
	}
	return ""
}

// tellHold warns of a freeze when it is found, long before it takes effect, and
// of names that look as if one was meant.
func tellHold(rt *pipeline.Runtime, why string, entries []overlaid) {
	if why != "" {
		rt.Log.Warn("the environment is on hold: it will be tested and not deployed", zap.String("why", why))
		return
	}
	for _, e := range entries {
		stem, _, _ := strings.Cut(e.name, ".")
		if strings.EqualFold(stem, HoldFile) && e.typ != fs.ModeDir {
			rt.Log.Warn("a file is named almost like one that holds the environment, but only "+HoldFile+" does so", zap.String("file", e.name))
		}
	}
}
