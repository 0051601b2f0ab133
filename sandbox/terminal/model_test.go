package terminal

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// mode is a private mode that may be switched.
const mode = `0{0,4}(?:1|5|6|7|9|12|25|47|100[02-6]|101[56]|104[789]|2004|2026)`

// token is all that may come out, said a second time and in another way.
var token = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`[\x07-\x0f]`,
	`[^\x00-\x1f\x7f-\x{9f}]+`,
	`\x1b[78DEM=>]`,
	`\x1b[()][AB0]`,
	`\x1b\[\d{0,5}[A-GIZade` + "`" + `X@PLMSTb]`,
	`\x1b\[(?:\d{0,5};)?\d{0,5}[Hfr]`,
	`\x1b\[0{0,4}[0-2]?[JK]`,
	`\x1b\[[su]`,
	`\x1b\[0{0,4}4[hl]`,
	`\x1b\[[\d;:]{0,191}m`,
	`\x1b\[\?` + mode + `(?:;` + mode + `)*[hl]`,
	`\x1b\[0{0,4}[0-6]? q`,
	`\x1b\[!p`,
	`\x1b\[>0{0,4}4(?:;0{0,4}[0-3]?)?m`,
	`\x1b\[>0{0,3}\d{0,2}u`,
	`\x1b\[<\d{0,5}u`,
	`\x1b\[=0{0,3}\d{0,2}(?:;0{0,4}[0-3]?)?u`,
}, "|") + `)`)

// allowed takes output apart and tells what in it should not be there.
func allowed(out string) ([]string, error) {
	if !utf8.ValidString(out) {
		return nil, fmt.Errorf("%q is not UTF-8", out)
	}
	var tokens []string
	for len(out) > 0 {
		t := token.FindString(out)
		if t == "" {
			return nil, fmt.Errorf("%q is not allowed", out[:min(len(out), 40)])
		}
		tokens = append(tokens, t)
		out = out[len(t):]
	}
	return tokens, nil
}

// kept is what a model terminal keeps with the cursor's place.
type keptModes struct {
	Coloured, Origin, NoWrap, Shift bool
	G0, G1                          string
}

// model is a terminal that knows its modes and shows nothing.
type model struct {
	keptModes
	Modes     map[int]bool
	Region    bool
	Keypad    bool
	Shape     string
	OtherKeys string
	Alternate bool
	Keys      [2][]string
	saved     [2]keptModes
}

func newModel() *model {
	usual := keptModes{G0: "B", G1: "B"}
	return &model{keptModes: usual, Modes: map[int]bool{}, saved: [2]keptModes{usual, usual}, Keys: [2][]string{{"the shell's"}, {"the shell's"}}}
}

func (m *model) screen() int {
	if m.Alternate {
		return 1
	}
	return 0
}

func (m *model) show(tokens []string) {
	for _, t := range tokens {
		m.obey(t)
	}
}

func (m *model) obey(t string) {
	switch {
	case t == "\x0e", t == "\x0f":
		m.Shift = t == "\x0e"
	case t == "\x1b7", t == "\x1b[s":
		m.saved[m.screen()] = m.keptModes
	case t == "\x1b8", t == "\x1b[u":
		m.keptModes = m.saved[m.screen()]
	case t == "\x1b=", t == "\x1b>":
		m.Keypad = t == "\x1b="
	case strings.HasPrefix(t, "\x1b("):
		m.G0 = t[2:]
	case strings.HasPrefix(t, "\x1b)"):
		m.G1 = t[2:]
	case t == "\x1b[!p":
		m.NoWrap = true // as a VT500 does
	case strings.HasPrefix(t, "\x1b["):
		m.control(t[2:len(t)-1], t[len(t)-1])
	}
}

func (m *model) control(body string, final byte) {
	zero := strings.Trim(body, "0;:") == ""
	keys := &m.Keys[m.screen()]
	switch {
	case final == 'm' && strings.HasPrefix(body, ">"):
		_, m.OtherKeys, _ = strings.Cut(body, ";")
		m.OtherKeys = strings.TrimLeft(m.OtherKeys, "0")
	case final == 'm':
		m.Coloured = !zero
	case final == 'r':
		top, bottom, _ := strings.Cut(body, ";")
		m.Region = len(strings.TrimLeft(top, "0")) > 0 && strings.TrimLeft(top, "0") != "1" || strings.Trim(bottom, "0") != ""
	case final == 'q':
		m.Shape = strings.Trim(body, "0 ")
	case final == 'u' && body[0] == '>':
		*keys = append(*keys, body)
	case final == 'u' && body[0] == '=':
		(*keys)[len(*keys)-1] = body
	case final == 'u' && body[0] == '<':
		n := 1
		if body != "<" {
			n, _ = strconv.Atoi(body[1:])
		}
		*keys = (*keys)[:max(0, len(*keys)-n)]
	case (final == 'h' || final == 'l') && body[0] == '?':
		for _, number := range strings.Split(body[1:], ";") {
			n, _ := strconv.Atoi(number)
			m.mode(n, final == 'h')
		}
	case final == 'h' || final == 'l':
		m.Modes[-4] = final == 'h'
	}
}

func (m *model) mode(n int, on bool) {
	switch n {
	case 6:
		m.Origin = on
	case 7:
		m.NoWrap = !on
	case 25:
		m.Modes[n] = !on
	case 47, 1047, 1048, 1049:
		if on && n >= 1048 {
			m.saved[m.screen()] = m.keptModes
		}
		if n != 1048 {
			m.Alternate = on
		}
		if !on && n >= 1048 {
			m.keptModes = m.saved[m.screen()]
		}
	default:
		m.Modes[n] = on
	}
}

// changed tells how the terminal differs from a new one.
func (m *model) changed() string {
	for n, on := range m.Modes {
		if !on {
			delete(m.Modes, n)
		}
	}
	n := newModel()
	m.saved = n.saved
	return cmp.Diff(n, m, cmp.AllowUnexported(model{}, keptModes{}))
}
