package sandbox

import (
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/secrets"
)

// A watchedDir is a directory that the command sees, in which a place of secrets may
// appear while it runs: gh auth login outside makes .config/gh.
type watchedDir struct {
	Dir    string // the host's path
	Inside string // where the command sees it
	// Places are names that are to be hidden when they appear. Ways are those of
	// directories that lead to places: one that appears is to be watched too, and is
	// hidden until then.
	Places, Ways []string
}

// watchedSecrets are the directories of what is shown in which places of secrets are
// missing. One that is shown by its parts, so that what is new is not in it, need not be
// among the mounts.
func (h Host) watchedSecrets(s Spec) (dirs []watchedDir) {
	for _, m := range s.ownMounts(h) {
		if _, gathered := h.gatheredAt(m); gathered || !isBind(m) || !h.isDir(m.Source) {
			continue
		}
		w := watching{mount: m, source: h.real(m.Source), dirs: &dirs}
		for _, home := range h.realHomes() {
			switch {
			case home == "/":
			case below(home, w.source):
				w.look(home, secrets.Home())
			case below(w.source, home):
				if node := secrets.Directory(strings.TrimPrefix(w.source, home+"/")); node != nil {
					w.look(w.source, node)
				}
			}
		}
	}
	return dirs
}

// A watching goes through what one mount shows.
type watching struct {
	mount  specs.Mount
	source string
	dirs   *[]watchedDir
}

func (w *watching) look(dir string, node *secrets.Node) {
	there := map[string]bool{}
	for _, e := range namesIn(dir, node) {
		there[e.name] = true
		if node.In(e.name).Place {
			continue // it is hidden
		}
		if real, err := filepath.EvalSymlinks(dir + "/" + e.name); err == nil && below(real, w.source) {
			w.look(real, node.In(e.name))
		}
	}
	d := watchedDir{Dir: dir, Inside: w.mount.Destination + strings.TrimPrefix(dir, strings.TrimSuffix(w.source, "/"))}
	for _, child := range node.Below() {
		switch {
		case there[child.Name]:
		case child.Place:
			d.Places = append(d.Places, child.Name)
		default:
			d.Ways = append(d.Ways, child.Name)
		}
	}
	if len(d.Places)+len(d.Ways) > 0 {
		*w.dirs = append(*w.dirs, d)
	}
}
