// Package spa is what other packages need of the files at the top.
package spa

import _ "embed"

// Buildspec is the text of buildspec.yml.
//
//go:embed buildspec.yml
var Buildspec string
