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

	"github.com/sbxrun/sbx/sandbox/image/store"
)

const exitFailed = 125

// commands are what sbx image takes. The hidden ones are for sbx-image itself, in a
// user namespace.
type commands struct {
	Pull    pullCommand    `cmd:"" help:"Bring images from registries."`
	Import  importCommand  `cmd:"" help:"Bring an image from a file or a root file system."`
	Ls      lsCommand      `cmd:"" help:"List images."`
	Tree    treeCommand    `cmd:"" help:"Show which layers images have in common."`
	Inspect inspectCommand `cmd:"" help:"Print what is known of images, as JSON."`
	Export  exportCommand  `cmd:"" help:"Write an image to a file that other tools read."`
	Commit  commitCommand  `cmd:"" help:"Make an image of what sbx run --keep kept."`
	Tag     tagCommand     `cmd:"" help:"Give an image another name."`
	Verify  verifyCommand  `cmd:"" help:"Read images again and report damage."`
	Rm      rmCommand      `cmd:"" help:"Remove images."`
	Prune   pruneCommand   `cmd:"" help:"Remove what no name stands for, what a crash left, and parts of downloads."`
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
	code := 0
	k, err := kong.New(&c, kong.Name("sbx image"), kong.UsageOnError(), kong.Bind(&r), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(n int) { code = n }))
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbx:", err)
		return exitFailed
	}
	parsed, err := k.Parse(args)
	if code != 0 || err == nil && len(args) == 0 {
		return code
	}
	if err == nil {
		err = parsed.Run()
	}
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
