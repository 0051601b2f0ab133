package hosts

import (
	"bytes"
	"errors"
	"strings"
)

// An element is one of XML, without its attributes. Maven's settings have no more than
// that, and package encoding/xml takes every start of sbx 25 microseconds.
type element struct {
	name     string
	text     []byte
	children []*element
}

// maxElements bounds how many are open at once.
const maxElements = 64

var errXML = errors.New("it is no XML as settings have it")

// parseXML reads a document of one element. A document type is refused: what it declares
// would be to put in.
func parseXML(text string) (*element, error) {
	root := &element{}
	open := []*element{root}
	text = strings.TrimPrefix(text, "\uFEFF")
	for {
		before, rest, found := strings.Cut(text, "<")
		here := open[len(open)-1]
		here.text = append(here.text, unescape(before)...)
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(rest, "!--"):
			_, text, found = strings.Cut(rest[3:], "-->")
		case strings.HasPrefix(rest, "![CDATA["):
			before, text, found = strings.Cut(rest[8:], "]]>")
			here.text = append(here.text, before...)
		case strings.HasPrefix(rest, "?"):
			_, text, found = strings.Cut(rest, "?>")
		case strings.HasPrefix(rest, "/"):
			before, text, found = strings.Cut(rest[1:], ">")
			if len(open) == 1 || strings.TrimRight(before, " \t\r\n") != here.name {
				return nil, errXML
			}
			open = open[:len(open)-1]
		default:
			var e *element
			var empty bool
			e, empty, text, found = startTag(rest)
			here.children = append(here.children, e)
			if !empty {
				open = append(open, e)
			}
			found = found && len(open) <= maxElements
		}
		if !found {
			return nil, errXML
		}
	}
	if len(open) != 1 || len(root.children) != 1 || len(bytes.TrimSpace(root.text)) > 0 {
		return nil, errXML
	}
	return root.children[0], nil
}

// startTag reads the tag at the beginning of a text, behind its <.
func startTag(text string) (e *element, empty bool, after string, ok bool) {
	end := tagEnd(text)
	if end < 0 {
		return nil, false, "", false
	}
	name, empty := strings.CutSuffix(text[:end], "/")
	if i := strings.IndexAny(name, " \t\r\n"); i >= 0 {
		name = name[:i]
	}
	return &element{name: name}, empty, text[end+1:], name != "" && name[0] != '!'
}

// tagEnd is where a tag ends: at the first > that is in no value of an attribute.
func tagEnd(rest string) int {
	quote := rune(0)
	for i, r := range rest {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '<':
			return -1
		case r == '>':
			return i
		}
	}
	return -1
}

func unescape(text string) string {
	if !strings.Contains(text, "&") {
		return text
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&apos;", "'", "&amp;", "&").Replace(text)
}

// all are the elements at a way down of names.
func (e *element) all(way ...string) (found []*element) {
	if len(way) == 0 {
		return []*element{e}
	}
	for _, c := range e.children {
		if c.name == way[0] {
			found = append(found, c.all(way[1:]...)...)
		}
	}
	return found
}

// word is the text of the element at a way down, or nothing.
func (e *element) word(way ...string) string {
	if found := e.all(way...); len(found) > 0 {
		return string(bytes.TrimSpace(found[0].text))
	}
	return ""
}
