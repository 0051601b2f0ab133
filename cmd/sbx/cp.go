package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/outfile"
	"github.com/sbxrun/sbx/sandbox/state"
	"github.com/sbxrun/sbx/sandbox/transfer"
)

// cpFlags are those of sbx cp.
type cpFlags struct {
	Archive    bool `short:"a" help:"Keep owners (if they exist inside) and modes."`
	FollowLink bool `short:"L" help:"Follow a link that is the source."`
	Source     text `arg:"" name:"SOURCE" help:"Source, SANDBOX:PATH or a local path (- for a tar on stdin)."`
	Dest       text `arg:"" name:"DEST" help:"Destination, SANDBOX:PATH or a local path (- for a tar on stdout)."`
}

// cpVerb is sbx cp.
func cpVerb(u ui, args []string) int {
	var f cpFlags
	if done, code := parseVerb(u, "cp", "Copy files out of a running sandbox, or into it.", &f, args); done {
		return code
	}
	err := f.copy(u)
	if errors.Is(err, errIncomplete) {
		return exitFailed // and it was said what is missing
	}
	return exitOf(u, err, copyHint(err))
}

func copyHint(err error) string {
	if errors.Is(err, control.ErrNobody) {
		return "what a sandbox wrote goes with it; sbx run --upper, --keep or -v keep it"
	}
	return boxHint(err)
}

// errIncomplete says that not all was copied.
var errIncomplete = errors.New("not all was copied")

// A place is a path, of the host where it has no sandbox.
type place struct{ box, path string }

// placeOf reads an argument as docker does: a path of the host that has a colon begins
// with a slash or a dot.
func placeOf(arg string) place {
	box, path, ok := strings.Cut(arg, ":")
	if !ok || filepath.IsAbs(arg) || strings.HasPrefix(arg, ".") || strings.Contains(box, "/") {
		return place{path: arg}
	}
	return place{box, path}
}

func (f cpFlags) copy(u ui) error {
	from, to := placeOf(string(f.Source)), placeOf(string(f.Dest))
	switch {
	case from.box == "" && to.box == "":
		return &mendedError{errors.New("neither is of a sandbox"), "sbx cp SANDBOX:PATH DEST, or the other way round"}
	case from.box != "" && to.box != "":
		return &mendedError{errors.New("both are of a sandbox"), "sbx cp " + string(f.Source) + " - | sbx cp - " + to.box + ":DIR"}
	case to.path == "-" && to.box == "" && isTerminal(os.Stdout):
		return &mendedError{errors.New("a tar is nothing for a terminal"), "sbx cp " + string(f.Source) + " - > FILE"}
	}
	all, err := sandboxes()
	if err != nil {
		return err
	}
	r, err := all.Find(from.box + to.box)
	if err != nil {
		return err
	}
	first, root, err := reachBox(all, r)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	defer first.Close()
	defer root.Close()
	b := &beside{first: first, root: root, said: &transfer.Said{Say: func(line string) { u.say("%s", line) }}}
	if from.box != "" {
		return f.out(b, all, from.path, to.path, u.umask)
	}
	return f.in(b, all, from.path, to.path)
}

// reachBox asks the supervisor of a sandbox for its first process and its root.
func reachBox(all *state.Sandboxes, r state.Record) (first, root *os.File, err error) {
	_, files, err := askBox(all, r, control.Request{Do: control.Reach})
	if err == nil && len(files) != 2 {
		for _, f := range files {
			f.Close()
		}
		err = fmt.Errorf("it answered with %d files", len(files))
	}
	if err != nil {
		return nil, nil, err
	}
	return files[0], files[1], nil
}

// out copies out of a sandbox. Who copies owns what comes out, and setuid bits do not: a
// program of the sandbox's would have the caller's rights.
func (f cpFlags) out(b *beside, all *state.Sandboxes, from, to string, umask uint32) error {
	var sink transfer.Sink
	if to == "-" {
		sink = transfer.NewTarWriter(os.Stdout)
	} else {
		root, path, err := hostRoot(all, to, true)
		if err != nil {
			return err
		}
		o := transfer.Options{Times: true}
		if !f.Archive {
			o.Mask = umask
		}
		tree := &transfer.Tree{Root: root, Path: path, Options: o}
		defer tree.Close()
		sink = tree
	}
	return b.receive(sink, followed(f.FollowLink), from)
}

// in copies into a sandbox.
func (f cpFlags) in(b *beside, all *state.Sandboxes, from, to string) error {
	owners := ownersNone
	if f.Archive {
		owners = ownersHost
	}
	if from == "-" {
		if f.Archive {
			owners = ownersInside
		}
		return b.send(func(to transfer.Sink) error { return transfer.ReadTar(os.Stdin, to, b.said.Warn) }, owners, to)
	}
	root, path, err := hostRoot(all, from, f.FollowLink)
	if err != nil {
		return err
	}
	reader := transfer.Reader{Root: root, Follow: f.FollowLink, Warn: b.said.Warn}
	return b.send(func(to transfer.Sink) error { return reader.Read(path, to) }, owners, to)
}

// hostRoot says how a path of the host is looked up: as always, but that a link in a
// directory that a sandbox may write leads nowhere else. The sandbox may have made it: cp
// to it would write to ~/.ssh, and cp from it hand that over. follow says whether a link
// at the path's end is followed.
func hostRoot(all *state.Sandboxes, path string, follow bool) (transfer.Root, string, error) {
	records, _ := all.List() // what cannot be read runs nothing that is known of
	dir, below, err := outfile.Locate(path, follow, state.Writable(records)...)
	if err != nil || dir == nil {
		return transfer.Host(), path, err
	}
	return transfer.Within(dir), below, nil // open for as long as sbx runs
}
