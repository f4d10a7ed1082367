// Answers what a word of a Dockerfile comes to, as BuildKit's frontend has it.
package main

import (
	"maps"
	"slices"

	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"okplug.dev/oracles/lines"
)

type question struct {
	Text         lines.Text
	Env          variables
	Escape       string
	KeepQuotes   bool
	KeepEscapes  bool
	IgnoreQuotes bool
	KeepUnset    bool
}

type reply struct {
	Text    lines.Text   `json:"text"`
	Words   []lines.Text `json:"words"`
	Found   []string     `json:"found"`
	Missing []string     `json:"missing"`
}

type variables map[string]string

func (v variables) Get(name string) (string, bool) {
	value, ok := v[name]
	return value, ok
}

func (v variables) Keys() []string {
	return slices.Sorted(maps.Keys(v))
}

func main() {
	lines.Answer(process)
}

func process(q question) (reply, error) {
	lex := shell.NewLex(rune(q.Escape[0]))
	lex.RawQuotes = q.KeepQuotes
	lex.RawEscapes = q.KeepEscapes
	lex.SkipProcessQuotes = q.IgnoreQuotes
	lex.SkipUnsetEnv = q.KeepUnset
	result, err := lex.ProcessWordWithMatches(string(q.Text), q.Env)
	if err != nil {
		return reply{}, err
	}
	return reply{
		Text:    lines.Text(result.Result),
		Words:   lines.Texts(result.Words),
		Found:   slices.Sorted(maps.Keys(result.Matched)),
		Missing: slices.Sorted(maps.Keys(result.Unmatched)),
	}, nil
}
