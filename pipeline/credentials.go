package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// ErrNoCredentials is the answer of a scope that holds nothing: None always,
// any other when the plan forgot to hand the credentials over. It is what
// makes a forgotten field fail closed.
var ErrNoCredentials = errors.New("this step holds no AWS credentials")

// Credentials are what a step of scope S embeds: they declare the scope, and
// they are the only way to the identity behind it. The zero value is right for
// None and fails closed for all others.
type Credentials[S Scope] struct {
	// Without a field that mentions S, Go would convert Credentials[Settings]
	// to Credentials[Deploy], since their fields would be the same.
	_ [0]S
	// Behind a pointer, so that %+v of a step prints an address and no key.
	holder *holder
}

// Mint makes the credentials of a scope from the provider behind it, which is
// asked when they are first used and again when half of their life is gone.
// Whatever it answers is handed to secret first. Only the program's main
// package mints; a test sees to that.
func Mint[S Scope](p aws.CredentialsProvider, secret func(...string)) Credentials[S] {
	return Credentials[S]{holder: &holder{provider: p, secret: secret}}
}

// Retrieve gives the credentials, from memory while they are fresh. It makes
// Credentials an aws.CredentialsProvider.
func (c Credentials[S]) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.holder == nil {
		return aws.Credentials{}, fmt.Errorf("%w (scope %s)", ErrNoCredentials, c.scope())
	}
	return c.holder.retrieve(ctx)
}

func (c Credentials[S]) scope() string {
	var s S
	return s.name()
}
