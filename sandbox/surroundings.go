package sandbox

import (
	"os"
	"path/filepath"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

// Surroundings are what of the host decides where secrets are seen: its mounts, and which
// places of secrets exist. They are read in the background, since that takes as long as
// the rest of Probe, and 500 mounts take half a millisecond.
type Surroundings struct {
	done chan struct{}
	surrounding
}

type surrounding struct {
	table  mounttable.Table
	err    error
	places places
}

// LookAround begins to read the surroundings, for Cmd.Around. The mounts are those of the
// moment.
func LookAround() *Surroundings {
	s := &Surroundings{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.table, s.err = mounttable.Read()
		caller := Host{UID: uint32(os.Getuid())}
		caller.probeHomes()
		var homes []string
		for _, home := range caller.Homes {
			if real, err := filepath.EvalSymlinks(home); err == nil {
				homes = append(homes, real)
			}
		}
		s.places = findPlaces(homes, os.Getenv)
	}()
	return s
}

// wait gives what was read, and reads it where nobody has begun to.
func (s *Surroundings) wait() surrounding {
	if s == nil {
		s = LookAround()
	}
	<-s.done
	return s.surrounding
}
