package profiles

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Resolve makes one profile of several, each with all that it extends.
func (u *User) Resolve(names []string) (Profile, error) {
	words := make([]Value, len(names))
	for i, name := range names {
		words[i].Text = name
	}
	r := resolver{user: u}
	return r.together(words, nil)
}

// Extended is a profile from elsewhere with all that it extends.
func (u *User) Extended(p Profile) (Profile, error) {
	r := resolver{user: u}
	return r.extend(p, nil)
}

// A resolver follows extends, the deepest first. It keeps what it made: a few
// files that each extend the next two would otherwise be read without end.
type resolver struct {
	user *User
	done []made
}

type made struct {
	name string
	Profile
}

// together joins profiles by name.
func (r *resolver) together(names []Value, way []step) (all Profile, err error) {
	for i, name := range names {
		p, err := r.named(name.Text, way)
		var unknown *UnknownError
		var circle *circleError
		if name.Said() && (errors.As(err, &unknown) || errors.As(err, &circle) && !circle.placed) {
			if circle != nil {
				circle.placed = true
			}
			err = fmt.Errorf("%s: %w", name.From, err)
		}
		if err != nil {
			return all, err
		}
		if i == 0 {
			all = p
		} else {
			all = Together(all, p)
		}
	}
	return all, nil
}

// A step is a profile on the way from the one that was asked for. A user's
// profile may extend the built-in one whose name it has: those are two.
type step struct {
	name  string
	built bool
}

func (r *resolver) named(name string, way []step) (p Profile, err error) {
	here := step{name: name}
	if n := len(way); n > 0 && way[n-1] == here {
		here.built = true
		if embedded, ok := Embedded(name); ok {
			p = embedded
		} else {
			return p, newCircle(way, here)
		}
	} else {
		for _, m := range r.done {
			if m.name == name {
				return m.Profile, nil
			}
		}
		if slices.Contains(way, here) {
			return p, newCircle(way, here)
		}
		if p, err = r.user.Load(name); err != nil {
			return p, err
		}
	}
	p, err = r.extend(p, append(slices.Clip(way), here))
	if err == nil && !here.built {
		r.done = append(r.done, made{name, p})
	}
	return p, err
}

// extend puts a profile over those that it extends.
func (r *resolver) extend(p Profile, way []step) (Profile, error) {
	if len(p.Extends) == 0 {
		return p, nil
	}
	base, err := r.together(p.Extends, way)
	if err != nil {
		return p, err
	}
	return over(base, p), nil
}

// A circleError is profiles that extend each other without end. It is placed at
// the line that closes the circle, and at no other on the way out.
type circleError struct {
	names  []string
	placed bool
}

func newCircle(way []step, again step) *circleError {
	e := &circleError{}
	for _, s := range way {
		if len(e.names) > 0 || s.name == again.name {
			e.names = append(e.names, s.name)
		}
	}
	e.names = append(e.names, again.name)
	return e
}

func (e *circleError) Error() string {
	return "profiles extend each other in a circle: " + strings.Join(e.names, " -> ")
}
