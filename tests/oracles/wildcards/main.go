// Answers which names a pattern of COPY matches, as Go's filepath has it.
package main

import (
	"path"
	"path/filepath"

	"okplug.dev/oracles/lines"
)

type question struct {
	Pattern lines.Text
	Names   []lines.Text
}

func main() {
	lines.Answer(match)
}

func match(q question) ([]bool, error) {
	// it reads all of a pattern, where the other leaves a part unread that no name comes to
	if _, err := path.Match(string(q.Pattern), ""); err != nil {
		return nil, err
	}
	matches := make([]bool, len(q.Names))
	for i, name := range q.Names {
		matched, err := filepath.Match(string(q.Pattern), string(name))
		if err != nil {
			return nil, err
		}
		matches[i] = matched
	}
	return matches, nil
}
