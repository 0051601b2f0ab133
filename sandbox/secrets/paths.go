package secrets

import (
	"path"
	"strings"
)

//go:generate go run generate.go

// A Node is a name on the way from a home to places of secrets, or the last name of one.
type Node struct {
	Name         string
	Place        bool
	first, count int
}

// Home is the node of a home.
func Home() *Node { return &tree[0] }

// Below are the nodes in a directory, sorted by name. There are none below a place.
func (n *Node) Below() []Node { return tree[n.first : n.first+n.count] }

// In finds a name in a directory, or gives nil.
func (n *Node) In(name string) *Node {
	low, high := n.first, n.first+n.count
	for low < high {
		switch mid := (low + high) / 2; {
		case tree[mid].Name == name:
			return &tree[mid]
		case tree[mid].Name < name:
			low = mid + 1
		default:
			high = mid
		}
	}
	return nil
}

// PlaceAbove is the place that a path below a home is in, or is, or nothing.
func PlaceAbove(below string) string {
	n := Home()
	for i := 0; i < len(below); {
		end := i + strings.IndexByte(below[i:]+"/", '/')
		if n = n.In(below[i:end]); n == nil {
			return ""
		}
		if n.Place {
			return below[:end]
		}
		i = end + 1
	}
	return ""
}

// Directory is the node of a directory below a home in which places are, or nil.
func Directory(below string) *Node {
	n := Home()
	for name := range strings.SplitSeq(below, "/") {
		if n = n.In(name); n == nil || n.Place {
			return nil
		}
	}
	return n
}

// Workplace tells whether a path below a home is where a tool keeps projects in a place
// of its secrets: one of those, or in it.
func Workplace(below string) bool {
	for _, w := range workplaces {
		if strings.HasPrefix(below, w+"/") {
			return true
		}
	}
	return false
}

// OfHost are the places of the whole host. Runtime is XDG_RUNTIME_DIR, where the
// session's sockets are.
func OfHost(runtime string) []string {
	paths := append(make([]string, 0, len(ofHost)+1), ofHost[:]...)
	if strings.HasPrefix(runtime, "/") && len(runtime) > 1 {
		paths = append(paths, strings.TrimRight(runtime, "/"))
	}
	return paths
}

// A variable says where a tool has its secrets.
type variable struct{ name, rest string }

// Moved are the paths that variables lead to. Some take a list, as PATH is one.
func Moved(lookup func(string) string) (paths []string) {
	for i := range moved {
		value := lookup(moved[i].name)
		if value == "" {
			continue
		}
		value = strings.TrimPrefix(value, "FILE:") // krb5.conf(5)
		for _, p := range append(strings.Split(value, ":"), value) {
			if path.IsAbs(p) {
				paths = append(paths, path.Join(p, moved[i].rest))
			}
		}
	}
	return paths
}

// A Base is a directory of the home that a variable of the XDG Base Directory
// Specification moves.
type Base struct{ Variable, Below string }

// Bases are those.
var Bases = [...]Base{
	{"XDG_CONFIG_HOME", ".config"}, {"XDG_DATA_HOME", ".local/share"}, {"XDG_STATE_HOME", ".local/state"}, {"XDG_CACHE_HOME", ".cache"},
}
