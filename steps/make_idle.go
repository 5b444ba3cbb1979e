package steps

import (
	"bytes"
	"io"

	"spa-runner/pipeline"
)

// watchIdle tells, when a target was made, whether make said that it had nothing
// to do for it: the target has no recipe, or there is a file or folder of its name
// and it is not declared .PHONY. Then make answers 0 and has not done a thing.
//
// It says so on the last line of its output, unless it was told to be silent, and
// in the language of the user. So this is only asked where make cannot tell it by
// the variable of rulesFor: in a rehearsal, and where it is no GNU make.
func watchIdle(rt *pipeline.Runtime, target string) (watched *pipeline.Runtime, idle func() bool) {
	own, last := *rt, &tail{}
	own.Output = func(step, scope, stream string) io.WriteCloser {
		to := rt.Output(step, scope, stream)
		if stream != "stdout" {
			return to
		}
		return &tapped{WriteCloser: to, last: last}
	}
	return &own, func() bool { return last.isIdle(target) }
}

// tapped shows a tail what it passes on.
type tapped struct {
	io.WriteCloser
	last *tail
}

func (t *tapped) Write(p []byte) (int, error) {
	t.last.add(p)
	return t.WriteCloser.Write(p)
}

// tail keeps the last bytes of an output. Only one writes to it, and whoever
// reads waits until that one is done.
type tail struct{ text []byte }

// tailLength is more than the line has, in bytes, for any name of a target.
const tailLength = 512

func (t *tail) add(p []byte) {
	p = p[max(0, len(p)-tailLength):]
	t.text = append(t.text, p...)
	t.text = append(t.text[:0], t.text[max(0, len(t.text)-tailLength):]...)
}

// isIdle looks for both sentences of GNU make, with its quotes of today and of
// version 3.
func (t *tail) isIdle(target string) bool {
	line := bytes.TrimRight(t.text, "\r\n")
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	line = bytes.ReplaceAll(line, []byte("`"), []byte("'"))
	return bytes.Equal(line, []byte("make: Nothing to be done for '"+target+"'.")) ||
		bytes.Equal(line, []byte("make: '"+target+"' is up to date."))
}
