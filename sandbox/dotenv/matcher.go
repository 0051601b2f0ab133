package dotenv

import "strings"

// A Matcher tells of most names by a few bytes that they are no secret's: after a run those of
// all files of a project are asked for.
type Matcher struct{ begins, then, ends pairs }

// pairs is a set of two bytes.
type pairs [1 << 16 / 64]uint64

func (p *pairs) add(a, b byte) {
	i := uint(a)<<8 | uint(b)
	p[i/64] |= 1 << (i % 64)
}

func (p *pairs) has(a, b byte) bool {
	i := uint(a)<<8 | uint(b)
	return p[i/64]&(1<<(i%64)) != 0
}

func (p *pairs) addEnd(s string) { p.add(s[len(s)-2], s[len(s)-1]) }

// NewMatcher makes one of the list.
func NewMatcher() *Matcher {
	m := &Matcher{}
	for _, rules := range [...][]rule{exact[:], prefixes[:]} {
		for i := range rules {
			if key := rules[i].key; key[0] != '.' { // of which mayBe is always true
				m.begins.add(key[0], key[1])
				m.then.add(key[2], key[3])
			}
		}
	}
	for i := range suffixes {
		m.ends.addEnd(suffixes[i].key)
	}
	for _, b := range backups {
		if len(b) > 1 {
			m.ends.addEnd(b)
		}
	}
	return m
}

// mayBe is true where they tell nothing.
func (m *Matcher) mayBe(name string) bool {
	end := len(name) - 1
	if end < 3 || name[0] == '.' || name[0] == '#' || name[end] == '~' {
		return true
	}
	return m.begins.has(small(name[0]), small(name[1])) && m.then.has(small(name[2]), small(name[3])) || m.ends.has(small(name[end-1]), small(name[end]))
}

func small(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// Deep tells whether a file below the top is a secret by its name, in a directory that is
// Searched.
func (m *Matcher) Deep(dir, name string) bool {
	if !m.mayBe(name) {
		return false
	}
	secret, _ := Name(dir[strings.LastIndexByte(dir, '/')+1:], name)
	return secret
}
