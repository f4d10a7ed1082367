// Answers what a Dockerfile says, as BuildKit's frontend reads it.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"okplug.dev/oracles/lines"
)

type question struct{ Data lines.Text }

type reply struct {
	Escape       string        `json:"escape"`
	Syntax       lines.Text    `json:"syntax"`
	Instructions []instruction `json:"instructions"`
	// Stages are the names of the stages, "" for those that have none.
	Stages []string `json:"stages"`
}

type instruction struct {
	Keyword string       `json:"keyword"`
	Line    int          `json:"line"`
	EndLine int          `json:"endLine"`
	Flags   []lines.Text `json:"flags"`
	Words   []lines.Text `json:"words"`
	JSON    bool         `json:"json"`
	Heredoc []heredoc    `json:"heredocs"`
	Trigger *instruction `json:"trigger"`
}

type heredoc struct {
	Name   lines.Text `json:"name"`
	Body   lines.Text `json:"body"`
	Expand bool       `json:"expand"`
	Chomp  bool       `json:"chomp"`
}

func main() {
	lines.Answer(read)
}

func read(q question) (reply, error) {
	result, err := parser.Parse(bytes.NewReader(q.Data))
	if err != nil {
		return reply{}, err
	}
	stages, _, err := instructions.Parse(result.AST, nil)
	if err != nil {
		return reply{}, err
	}
	if len(stages) == 0 {
		return reply{}, errors.New("no stage")
	}
	_, syntax, _, _ := parser.DetectSyntax(q.Data)
	answer := reply{Escape: string(result.EscapeToken), Syntax: lines.Text(syntax)}
	for _, stage := range stages {
		if err := carryOut(stage.Commands); err != nil {
			return reply{}, fmt.Errorf("ONBUILD with %c: %w", result.EscapeToken, err)
		}
		answer.Stages = append(answer.Stages, stage.Name)
	}
	for _, node := range result.AST.Children {
		answer.Instructions = append(answer.Instructions, told(node))
	}
	return answer, nil
}

// carryOut reads the instructions below ONBUILD, which BuildKit does no sooner than an image is built FROM this one.
func carryOut(commands []instructions.Command) error {
	for _, command := range commands {
		trigger, ok := command.(*instructions.OnbuildCommand)
		if !ok {
			continue
		}
		result, err := parser.Parse(strings.NewReader(trigger.Expression))
		if err != nil {
			return err
		}
		for _, node := range result.AST.Children {
			if _, err := instructions.ParseCommand(node); err != nil {
				return err
			}
		}
	}
	return nil
}

// told returns a node as plain values; what follows ONBUILD is a node of its own.
func told(node *parser.Node) instruction {
	out := instruction{
		Keyword: node.Value,
		Line:    node.StartLine,
		EndLine: node.EndLine,
		Flags:   lines.Texts(node.Flags),
		Words:   []lines.Text{},
		JSON:    node.Attributes["json"],
		Heredoc: []heredoc{},
	}
	for next := node.Next; next != nil; next = next.Next {
		if len(next.Children) > 0 {
			trigger := told(next.Children[0])
			out.Trigger = &trigger
		} else {
			out.Words = append(out.Words, lines.Text(next.Value))
		}
	}
	for _, doc := range node.Heredocs {
		body := doc.Content
		if doc.Chomp {
			body = parser.ChompHeredocContent(body)
		}
		out.Heredoc = append(out.Heredoc, heredoc{lines.Text(doc.Name), lines.Text(body), doc.Expand, doc.Chomp})
	}
	return out
}
