package userns

// BornInto has the child born in the cgroup whose directory FD, one of Input.Files,
// is (CLONE_INTO_CGROUP of clone(2)). Nothing of it has run outside, and it takes no
// right to move processes. Where it stands among the steps makes no difference; first
// is where it happens.
type BornInto struct {
	FD FD
	// Limits say what holds there.
	Limits string
}

func (s BornInto) String() string { return words("born in a", string(s.FD), s.Limits) }

func (s BornInto) lower(a *assembler) { a.fd(s.FD) }

// birthplace is the descriptor of the cgroup that the child is born in, or 0. One that
// was not given is an error of the step's.
func (p Plan) birthplace(in Input) int {
	for _, s := range p.Steps {
		if b, ok := s.(BornInto); ok && in.Files[b.FD] != nil {
			return int(in.Files[b.FD].Fd())
		}
	}
	return 0
}
