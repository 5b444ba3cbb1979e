package pipeline

import "fmt"

// Secret is a value that is not an AWS identity but must not be seen either,
// such as a git token. However it is printed, it says nothing; [Secret.Reveal]
// is the one way to the value, and easy to find in a review.
type Secret struct{ value *string }

// NewSecret wraps a value. Register it with the redactor as well: what is
// revealed may be echoed by somebody else.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal gives the value, "" if there is none.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// String says whether there is a value and no more.
func (s Secret) String() string {
	if s.value == nil {
		return "(unset)"
	}
	return "(secret)"
}

// Format keeps every verb, %+v and %#v included, from printing the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.String()) }

// MarshalText keeps encoders from it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
