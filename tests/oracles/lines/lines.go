// Package lines lets a program answer one question after the other, each a line of JSON.
package lines

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
)

// Text is what need not be UTF-8; JSON holds it in base64.
type Text = []byte

type answer[Reply any] struct {
	Reply   *Reply `json:"reply,omitempty"`
	Refusal string `json:"refusal,omitempty"`
}

// Answer reads questions from the standard input up to its end, and writes a reply or a refusal to each.
func Answer[Question, Reply any](reply func(Question) (Reply, error)) {
	questions := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := bufio.NewWriter(os.Stdout)
	answers := json.NewEncoder(out)
	for questions.More() {
		var question Question
		if err := questions.Decode(&question); err != nil {
			log.Fatal(err)
		}
		if err := answers.Encode(ask(reply, question)); err != nil {
			log.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

// ask takes a panic for a refusal: the library cannot read the question.
func ask[Question, Reply any](reply func(Question) (Reply, error), question Question) (given answer[Reply]) {
	defer func() {
		if reason := recover(); reason != nil {
			given = answer[Reply]{Refusal: fmt.Sprintf("panic: %v", reason)}
		}
	}()
	result, err := reply(question)
	if err != nil {
		return answer[Reply]{Refusal: "refused: " + err.Error()}
	}
	return answer[Reply]{Reply: &result}
}

// Texts returns strings as texts.
func Texts(strings []string) []Text {
	texts := make([]Text, len(strings))
	for i, s := range strings {
		texts[i] = Text(s)
	}
	return texts
}
