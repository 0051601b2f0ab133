package runlater

import (
	"errors"
	"slices"
	"strings"
)

// A setting is one line of a git configuration. Section and key are lower case,
// as git compares them.
type setting struct {
	section, sub, key, value string
}

func (s setting) String() string {
	if s.sub == "" {
		return s.section + "." + s.key
	}
	return s.section + "." + s.sub + "." + s.key
}

var errConfig = errors.New("not a git configuration")

// configLimit is far beyond any that is written by hand or by git.
const configLimit = 1 << 20

// parseConfig reads what git would (git-config(1), "Syntax"). It is as strict as
// git: what it refuses, git refuses to run with, and nothing that git reads is
// passed over. Two things are refused besides: a NUL, at which git's idea of a
// value ends, and [section ""], which git has no use for.
func parseConfig(text []byte) ([]setting, error) {
	p, err := readConfig(text)
	return p.found, err
}

func readConfig(text []byte) (p configParser, err error) {
	p.text = strings.TrimPrefix(string(text), "\ufeff")
	if strings.IndexByte(p.text, 0) >= 0 {
		return configParser{}, errConfig
	}
	for !p.end() {
		switch c := p.take(); {
		case isSpace(c):
		case c == '#' || c == ';':
			for !p.end() && p.take() != '\n' {
			}
		case c == '[':
			if !p.header() {
				return configParser{}, errConfig
			}
		case isAlpha(c):
			p.at--
			from := p.at
			if !p.setting() {
				return configParser{}, errConfig
			}
			p.spans = append(p.spans, span{from, p.at})
		default:
			return configParser{}, errConfig
		}
	}
	return p, nil
}

// without gives a configuration less some settings, with all else as it is.
func without(text []byte, some []setting) ([]byte, error) {
	p, err := readConfig(text)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	var left []setting
	at := 0
	for i, s := range p.found {
		if !slices.Contains(some, s) {
			left = append(left, s)
			continue
		}
		b.WriteString(p.text[at:p.spans[i].from])
		b.WriteByte('\n') // the header may be on the same line
		at = p.spans[i].to
	}
	b.WriteString(p.text[at:])
	again, err := parseConfig([]byte(b.String()))
	if err != nil || !slices.Equal(again, left) {
		return nil, errConfig
	}
	return []byte(b.String()), nil
}

// A span is where the text of a setting is, with the end of its line.
type span struct{ from, to int }

type configParser struct {
	text    string
	at      int
	section string
	sub     string
	found   []setting
	spans   []span // of what was found
}

func (p *configParser) end() bool { return p.at >= len(p.text) }

// take gives the next byte, a line's end for the end of the text and for CR LF.
func (p *configParser) take() byte {
	if p.end() {
		return '\n'
	}
	c := p.text[p.at]
	p.at++
	if c == '\r' && !p.end() && p.text[p.at] == '\n' {
		p.at++
		return '\n'
	}
	return c
}

// header reads what follows "[": section] or section "sub"] or section.sub].
func (p *configParser) header() bool {
	start := p.at
	for {
		if p.end() {
			return false
		}
		at := p.at
		c := p.take()
		switch {
		case c == ']':
			var dotted bool
			p.section, p.sub, dotted = strings.Cut(strings.ToLower(p.text[start:at]), ".")
			return p.section != "" && (p.sub != "") == dotted // [a.] is another section to git than [a]
		case isSpace(c):
			p.section = strings.ToLower(p.text[start:at])
			return c != '\n' && p.quotedSub()
		case !isKey(c) && c != '.':
			return false
		}
	}
}

// quotedSub reads the part in quotes and the bracket. [a.b "c"] is a.b.c to git.
func (p *configParser) quotedSub() bool {
	c := p.take()
	for c != '\n' && isSpace(c) {
		c = p.take()
	}
	if c != '"' {
		return false
	}
	var sub strings.Builder
	for {
		switch c = p.take(); c {
		case '\n':
			return false
		case '"':
			section, first, dotted := strings.Cut(p.section, ".")
			if dotted && first == "" || section == "" {
				return false
			}
			p.section, p.sub = section, sub.String()
			if dotted {
				p.sub = first + "." + p.sub
			}
			return sub.Len() > 0 && p.take() == ']'
		case '\\':
			if c = p.take(); c == '\n' {
				return false
			}
		}
		sub.WriteByte(c)
	}
}

// setting reads key = value, or a key alone, which is true.
func (p *configParser) setting() bool {
	start := p.at
	for !p.end() && isKey(p.text[p.at]) {
		p.at++
	}
	s := setting{p.section, p.sub, strings.ToLower(p.text[start:p.at]), "true"}
	c := p.take()
	for c == ' ' || c == '\t' {
		c = p.take()
	}
	if c != '\n' {
		var ok bool
		if c != '=' {
			return false
		}
		if s.value, ok = p.value(); !ok {
			return false
		}
	}
	p.found = append(p.found, s)
	return s.section != ""
}

// value reads up to the end of a line that is not continued.
func (p *configParser) value() (string, bool) {
	var b []byte
	kept := 0 // less the space at the end
	for quoted, comment := false, false; ; {
		c := p.take()
		switch {
		case c == '\n':
			return string(b[:kept]), !quoted
		case comment:
			continue
		case isSpace(c) && !quoted:
			if len(b) > 0 {
				b = append(b, c)
			}
			continue
		case (c == '#' || c == ';') && !quoted:
			comment = true
			continue
		case c == '"':
			quoted = !quoted
			kept = len(b)
			continue
		case c == '\\':
			switch c = p.take(); c {
			case '\n':
				continue
			case 't':
				c = '\t'
			case 'b':
				c = '\b'
			case 'n':
				c = '\n'
			case '\\', '"':
			default:
				return "", false
			}
		}
		b = append(b, c)
		kept = len(b)
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isKey(c byte) bool   { return isAlpha(c) || '0' <= c && c <= '9' || c == '-' }
