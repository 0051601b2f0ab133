package pack

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/image/tree"
)

// What a layer says by names (OCI image layer specification, "Whiteouts").
const (
	whiteoutPrefix = ".wh."
	opaqueName     = ".wh..wh..opq"
)

const ownerAttribute = "user.sbx.owner"

// drivers are the prefixes of what overlay drivers note in attributes.
var drivers = []string{"user.overlay.", "user.fuseoverlayfs.", "user.sbx."}

func ours(attr string) bool {
	for _, prefix := range drivers {
		if strings.HasPrefix(attr, prefix) {
			return true
		}
	}
	return false
}

// A mark is what a file of an upper directory stands for.
type mark int

const (
	itself mark = iota
	whiteout
	opaque // the directory that it is in hides those below
)

// mark tells it. A file that is called as a layer's mark would be one there, and take
// away what it is not about.
func (p *packer) mark(e tree.Entry) (mark, error) {
	name := path.Base(e.Path)
	switch {
	case p.Upper && e.Type() == unix.S_IFCHR && e.Stat.Rdev == 0:
		return whiteout, nil
	case p.Upper && e.Attributes["user.overlay.redirect"] != "":
		return itself, fmt.Errorf("%q: renamed without its content, by an overlay driver that sbx does not use", e.Path)
	case p.Upper && name == opaqueName && e.Type() == unix.S_IFREG && e.Stat.Size == 0:
		return opaque, nil // fuse-overlayfs notes it so, and as an attribute
	case strings.HasPrefix(name, whiteoutPrefix):
		return itself, fmt.Errorf("%q: a layer cannot have a file of that name, which would mean that another is gone", e.Path)
	}
	return itself, nil
}

// isOpaque tells whether a directory hides those below it.
func isOpaque(e tree.Entry) bool {
	return e.Attributes["user.overlay.opaque"] == "y" || e.Attributes["user.fuseoverlayfs.opaque"] == "y"
}

// isPoint tells whether a file was made to be mounted on, or is a directory on the way
// to one: of what is in it nothing is known yet.
func (p *packer) isPoint(e tree.Entry) bool {
	isDir := e.Type() == unix.S_IFDIR
	if !isDir && (e.Type() != unix.S_IFREG || e.Stat.Size > 0) {
		return false
	}
	path := "/" + e.Path
	for _, point := range p.Points {
		if path == point || isDir && strings.HasPrefix(point, path+"/") {
			return !isOpaque(e)
		}
	}
	return false
}
