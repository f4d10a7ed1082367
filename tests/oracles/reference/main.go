// Answers what a reference of an image names, as the library of Docker has it.
package main

import (
	_ "crypto/sha256" // an algorithm counts if the program has it
	_ "crypto/sha512"

	"github.com/distribution/reference"

	"okplug.dev/oracles/lines"
)

type question struct{ Text lines.Text }

type reply struct {
	Domain string `json:"domain"`
	Path   string `json:"path"`
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
}

func main() {
	lines.Answer(parse)
}

func parse(q question) (reply, error) {
	named, err := reference.ParseNormalizedNamed(string(q.Text))
	if err != nil {
		return reply{}, err
	}
	answer := reply{Domain: reference.Domain(named), Path: reference.Path(named)}
	if tagged, ok := named.(reference.Tagged); ok {
		answer.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		answer.Digest = digested.Digest().String()
	}
	return answer, nil
}
