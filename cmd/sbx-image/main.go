package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/cmd/internal/usage"
	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/image/store"
)

const exitFailed = 125

// commands are what sbx image takes. The hidden ones are for sbx-image itself, in a
// user namespace.
type commands struct {
	Pull    pullCommand    `cmd:"" help:"Pull images from registries."`
	Import  importCommand  `cmd:"" help:"Make an image of a file or a root file system."`
	Ls      lsCommand      `cmd:"" help:"List images."`
	Tree    treeCommand    `cmd:"" help:"Show which layers images share."`
	Inspect inspectCommand `cmd:"" help:"Print what is known of images, as JSON."`
	Export  exportCommand  `cmd:"" help:"Write an image to a file that other tools read."`
	Commit  commitCommand  `cmd:"" help:"Make an image of what sbx run --keep kept."`
	Tag     tagCommand     `cmd:"" help:"Give an image another name."`
	Verify  verifyCommand  `cmd:"" help:"Read images again and report damage."`
	Rm      rmCommand      `cmd:"" help:"Remove images."`
	Prune   pruneCommand   `cmd:"" help:"Remove untagged images and incomplete downloads."`
	Unpack  unpackCommand  `cmd:"" hidden:""`
	Pack    packCommand    `cmd:"" hidden:""`
	Compare compareCommand `cmd:"" hidden:""`
	Remove  removeCommand  `cmd:"" hidden:""`
	Format  formatCommand  `cmd:"" hidden:""`
	Tls     tlsCommand     `cmd:"" hidden:""`
}

// run is what every command gets.
type run struct {
	ctx    context.Context
	store  store.Store
	out    io.Writer
	errors io.Writer
}

func (r run) say(format string, args ...any) {
	fmt.Fprintf(r.errors, "sbx: %s\n", plain(fmt.Sprintf(format, args...)))
}

func main() { os.Exit(sbxImage(os.Args[1:])) }

func sbxImage(args []string) int {
	home, _ := os.UserHomeDir() // without one the store is told to be nowhere
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	r := run{ctx, store.At(store.Dir(home, os.Getenv)), os.Stdout, os.Stderr}
	var c commands
	k, err := kong.New(&c, kong.Name("sbx image"), kong.NoDefaultHelp(), kong.Description("Pull, list and remove images to run in."), kong.Bind(&r))
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbx:", err)
		return exitFailed
	}
	if done, err := describe(r.out, k.Model.Node, args); done {
		if err != nil {
			r.say("%v", err)
			return exitFailed
		}
		return 0
	}
	parsed, err := k.Parse(args)
	if err != nil {
		r.complain(err, k, args)
		return exitFailed
	}
	err = parsed.Run()
	if err != nil && ctx.Err() != nil {
		r.say("interrupted") // what failed by it is no news
		return exitFailed
	}
	if err != nil {
		r.say("%v", err)
		var hint interface {
			error
			Hint() string
		}
		if errors.As(err, &hint) && hint.Hint() != "" {
			r.say("hint: %s", hint.Hint())
		}
		return exitFailed
	}
	return 0
}

// complain reports what is wrong with the arguments.
func (r run) complain(err error, k *kong.Kong, args []string) {
	c, node := usage.Of("sbx image", k.Model.Node), k.Model.Node
	if len(args) > 0 {
		for _, child := range node.Children {
			if child.Name == args[0] && !child.Hidden {
				c, node = usage.Of("sbx image "+child.Name, child), child
			}
		}
	}
	err = usage.Explain(err, node)
	r.say("%v", err)
	var hint interface {
		error
		Hint() string
	}
	if errors.As(err, &hint) {
		r.say("hint: %s", hint.Hint())
		return
	}
	r.say("hint: %s --help lists the flags", c.Name)
}

// describe prints help, or for sbx what there is, where the arguments ask for that.
func describe(w io.Writer, node *kong.Node, args []string) (done bool, err error) {
	all := usage.Of("sbx image", node)
	if len(args) == 1 && args[0] == "describe" {
		return true, hint.WriteJSONLine(w, all)
	}
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if arg == "-h" || arg == "--help" {
			c, _ := all.Find(args[:min(i, 1)])
			return true, usage.Help(w, c, usage.Examples(c.Name))
		}
	}
	return false, nil
}

// hinted is an error with what would mend it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }
func (h hinted) Hint() string  { return h.hint }

// program is this program's file, to be run again.
func program() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
