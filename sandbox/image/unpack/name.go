package unpack

import (
	"errors"
	"fmt"
	"strings"
)

// A mark is what a name says beyond a name.
type mark int

const (
	plain    mark = iota
	whiteout      // base is what is not there any more
	opaque        // nothing from below is in dir
	aufs          // aufs's own files, which mean nothing
)

const (
	whiteoutPrefix = ".wh."
	aufsPrefix     = ".wh..wh."
	opaqueName     = ".wh..wh..opq"
)

// A name is where an entry belongs. Both parts are empty for the target itself.
type name struct {
	dir, base string
	mark      mark
}

// path is the whole name.
func (n name) path() string {
	if n.dir == "" {
		return n.base
	}
	return n.dir + "/" + n.base
}

// parse reads a name of the tar. It is relative to the target whether it begins
// with a slash or not. Without ".." no path leads up but by links.
func parse(raw string, most int) (n name, err error) {
	if len(raw) > most {
		return n, fmt.Errorf("a name of %d bytes; at most %d are allowed", len(raw), most)
	}
	path := tidy(raw)
	for rest := path; rest != ""; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		switch {
		case part == "..":
			return n, errors.New(`a name with ".."`)
		case n.mark == aufs || !strings.HasPrefix(part, whiteoutPrefix):
		default:
			if n.mark, err = markOf(part, rest == ""); err != nil {
				return n, err
			}
		}
	}
	n.base = path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		n.dir, n.base = path[:i], path[i+1:]
	}
	if n.mark == whiteout {
		n.base = n.base[len(whiteoutPrefix):]
	}
	return n, nil
}

// markOf reads a part of a name that begins as a whiteout does.
func markOf(part string, last bool) (mark, error) {
	switch what := part[len(whiteoutPrefix):]; {
	case part == opaqueName && last:
		return opaque, nil
	case strings.HasPrefix(part, aufsPrefix):
		return aufs, nil
	case !last:
		return plain, errors.New("a name below a whiteout")
	case what == "" || what == "." || what == "..":
		return plain, errors.New("a whiteout of nothing")
	}
	return whiteout, nil
}

// tidy leaves out what names nothing. Most names have only a slash at the end.
func tidy(raw string) string {
	raw = strings.TrimSuffix(strings.TrimPrefix(raw, "./"), "/")
	parts, untidy := raw, false
	for more := true; more && !untidy; {
		var part string
		part, parts, more = strings.Cut(parts, "/")
		untidy = part == "" || part == "."
	}
	if !untidy {
		return raw
	}
	var kept []string
	for part := range strings.SplitSeq(raw, "/") {
		if part != "" && part != "." {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "/")
}
