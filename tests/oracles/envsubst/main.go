// Answers what a text with variables comes to, as the library that Okteto expands manifests with has it.
package main

import (
	"github.com/a8m/envsubst/parse"

	"okplug.dev/oracles/lines"
)

// question is a text and variables as NAME=value.
type question struct {
	Text lines.Text
	Env  []string
	// RefuseUnset asks for an error where a variable has no value.
	RefuseUnset bool
}

func main() {
	lines.Answer(expand)
}

func expand(q question) (lines.Text, error) {
	parser := parse.New("text", q.Env, &parse.Restrictions{NoUnset: q.RefuseUnset})
	result, err := parser.Parse(string(q.Text))
	return lines.Text(result), err
}
