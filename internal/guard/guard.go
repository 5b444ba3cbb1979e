// Package guard keeps a panic from ending the process. What Go prints then goes
// to stderr past the redactor, the exit code is 2, which is make's, and children
// go on without the runner. No panic can be recovered from another goroutine, so
// that each one that is started needs a guard of its own; a rule of the house
// (house_test.go) asks for it.
package guard

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic as an error. Both fields may hold a secret, like any
// other error: they are for what goes through the redactor.
type PanicError struct {
	Value any
	Stack string // of the goroutine that panicked
}

func (e *PanicError) Error() string { return fmt.Sprintf("a defect of spa-runner: panic: %v", e.Value) }

// Call calls do. A panic in it is returned as a *PanicError.
func Call(do func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: string(debug.Stack())}
		}
	}()
	return do()
}
