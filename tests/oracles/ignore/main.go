// Answers what a .dockerignore leaves out, as the library of Docker and BuildKit has it.
package main

import (
	"bytes"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"okplug.dev/oracles/lines"
)

// question is a file of patterns and a walk: paths in an order in which folders come before what is in them.
// Above is the index of the folder that a path lies in, -1 for the top.
type question struct {
	Data  lines.Text
	Paths []lines.Text
	Above []int
}

type reply struct {
	Patterns []lines.Text `json:"patterns"`
	// Alone and Walked tell of each path whether it is left out, looked at alone and met on a walk.
	Alone  []bool `json:"alone"`
	Walked []bool `json:"walked"`
}

func main() {
	lines.Answer(match)
}

func match(q question) (reply, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(q.Data))
	if err != nil {
		return reply{}, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return reply{}, err
	}
	if err := compile(matcher.Patterns()); err != nil {
		return reply{}, err
	}
	answer := reply{Patterns: lines.Texts(patterns), Alone: []bool{}, Walked: []bool{}}
	infos := make([]patternmatcher.MatchInfo, len(q.Paths))
	for i, path := range q.Paths {
		alone, err := matcher.MatchesOrParentMatches(string(path))
		if err != nil {
			return reply{}, err
		}
		var above patternmatcher.MatchInfo
		if q.Above[i] >= 0 {
			above = infos[q.Above[i]]
		}
		walked, info, err := matcher.MatchesUsingParentResults(string(path), above)
		if err != nil {
			return reply{}, err
		}
		infos[i] = info
		answer.Alone = append(answer.Alone, alone)
		answer.Walked = append(answer.Walked, walked)
	}
	return answer, nil
}

// compile finds the patterns that the library refuses no sooner than a path comes to them.
func compile(patterns []*patternmatcher.Pattern) error {
	for _, pattern := range patterns {
		if !strings.ContainsAny(pattern.String(), `*?[]\`) {
			continue
		}
		// an exception is looked at behind what it excepts from
		alone, err := patternmatcher.New([]string{"*", "!" + pattern.String()})
		if err != nil {
			return err
		}
		if _, err := alone.MatchesOrParentMatches("x"); err != nil {
			return err
		}
	}
	return nil
}
