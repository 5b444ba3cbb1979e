//go:build amd64 || arm64

package main

// enter is where a release begins, before the runtime of Go does (the linker is told so
// by -E main.enter, see the Makefile). It looks at three limits: of the address space, of
// data and of open files. Below them the runtime ends with exit code 2, which is make's,
// before any Go code could say anything; enter ends with 125 and a sentence instead. What
// happens later is for pipeline.Supervise.
//
//lint:ignore U1000 no Go code calls it
func enter()
