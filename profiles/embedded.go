package profiles

import (
	"embed"
	"fmt"
	"path/filepath"
	"strings"
)

// texts are the built-in profiles as they were written, with the reasons. They
// are for people to read and to copy; what a run uses is in zembedded.go.
//
//go:embed *.toml
var texts embed.FS

// Embedded gives a built-in profile, with nothing that it extends.
func Embedded(name string) (Profile, bool) {
	for i := range embedded {
		if embedded[i].Name == name {
			return embedded[i], true
		}
	}
	return Profile{}, false
}

// Names are the built-in profiles, in order.
func Names() []string {
	names := make([]string, len(embedded))
	for i := range embedded {
		names[i] = embedded[i].Name
	}
	return names
}

// Text is a built-in profile as it was written.
func Text(name string) ([]byte, bool) {
	if checkName(name) != nil {
		return nil, false
	}
	text, err := texts.ReadFile(name + ".toml")
	return text, err == nil
}

// ForCommand gives the name of the profile that a command is for, by the last
// part of its path: the user's own profiles first. gcc-14 and python3.13 are gcc
// and python, where nobody says otherwise.
//
// A profile of the user's that cannot be read is an error even if it may be for
// another command: it may have been the one that was to forbid something.
func (u *User) ForCommand(argv0 string) (name string, ok bool, err error) {
	command := filepath.Base(argv0)
	own, err := u.all()
	if err != nil {
		return "", false, err
	}
	for _, c := range []string{command, strings.TrimRight(command, "0123456789.-")} {
		if name, err = ownFor(own, c); name != "" || err != nil {
			return name, err == nil, err
		}
		if name := embeddedFor(own, c); name != "" {
			return name, true, nil
		}
	}
	return "", false, nil
}

// Default gives the user's own profile "default" with what it extends, or an empty one.
// It is for a command that has no other.
func (u *User) Default() (Profile, error) {
	const name = "default"
	if _, ok, err := u.read(name); !ok || err != nil {
		return Profile{}, err
	}
	return u.Resolve([]string{name})
}

// all are the user's own profiles.
func (u *User) all() (own []Profile, err error) {
	names, err := u.Names()
	for _, name := range names {
		p, ok, err := u.read(name)
		if err != nil {
			return nil, err
		}
		if ok {
			own = append(own, p)
		}
	}
	return own, err
}

func ownFor(own []Profile, command string) (name string, err error) {
	var first Value
	for i := range own {
		v, ok := own[i].names(command)
		switch {
		case !ok:
		case name != "":
			return "", fmt.Errorf("%s: %s has a profile already, at %s", v.From, quote(command), first.From)
		default:
			name, first = own[i].Name, v
		}
	}
	return name, nil
}

// embeddedFor leaves out a profile in whose place the user has one that names
// commands of its own.
func embeddedFor(own []Profile, command string) string {
	for i := range embedded {
		if _, ok := embedded[i].names(command); !ok {
			continue
		}
		replaced := false
		for j := range own {
			replaced = replaced || own[j].Name == embedded[i].Name && len(own[j].Commands) > 0
		}
		if !replaced {
			return embedded[i].Name
		}
	}
	return ""
}

// names tells whether a profile is for a command, and where it says so.
func (p *Profile) names(command string) (Value, bool) {
	for _, v := range p.Commands {
		if v.Text == command {
			return v, true
		}
	}
	return Value{}, false
}
