package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/state"
	tty "github.com/sbxrun/sbx/sandbox/terminal"
)

type attachFlags struct {
	NoStdin    bool   `help:"Do not pass standard input on."`
	DetachKeys string `default:"ctrl-p,ctrl-q" placeholder:"KEYS" help:"Detach with these keys (default: ctrl-p,ctrl-q; empty for none)."`
	SigProxy   bool   `default:"true" negatable:"" help:"Pass signals on, if the command has no terminal (default)."`
	Box        string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
}

// attachVerb is sbx attach.
func attachVerb(u ui, args []string) int {
	var flags attachFlags
	if done, code := parseVerb(u, "attach", "Connect to the output of a command in the background, and to its input (run -i, -t).", &flags, args); done {
		return code
	}
	keys, err := parseDetachKeys(flags.DetachKeys)
	if err != nil {
		return exitOf(u, err, "")
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	r, err := all.Find(flags.Box)
	code := 0
	if err == nil {
		code, err = attach(u, all, r, flags, keys)
	}
	if err != nil {
		u.fail(ofBox(flags.Box, err), boxHint(err))
	}
	return code
}

// An attachment is this process's part in the streams of a detached command.
type attachment struct {
	u     ui
	all   *state.Sandboxes
	box   state.Record
	flags attachFlags
	keys  *detachKeys
	conn  *control.Conn
	has   control.Attached
	raw   *rawTerminal // of the caller, or nil
	shown shown

	mu  sync.Mutex
	why error // the caller has left, or is to
}

// attach attaches, and gives the command's exit code, or that of an error.
func attach(u ui, all *state.Sandboxes, r state.Record, flags attachFlags, keys *detachKeys) (int, error) {
	if !r.Alive() {
		return exitFailed, &mendedError{control.ErrNobody, "sbx logs " + r.Name + " prints what it wrote"}
	}
	a := &attachment{u: u, all: all, box: r, flags: flags, keys: keys}
	conn, err := control.Dial(all.Socket(r.ID))
	if err != nil {
		return exitFailed, err
	}
	defer conn.Close()
	a.conn = conn
	q := control.Request{Do: control.Attach, Stdin: !flags.NoStdin}
	if r.Terminal {
		q.Size = callersSize()
	}
	reply, _, err := conn.Ask(q)
	if err == nil {
		err = json.Unmarshal(reply.Body, &a.has)
	}
	if err != nil {
		return exitFailed, err
	}
	return a.run()
}

func callersSize() (s control.Size) {
	if box := terminalSize(); box != nil {
		s = control.Size{Rows: uint16(box.Height), Columns: uint16(box.Width)}
	}
	return s
}

func (a *attachment) run() (int, error) {
	takes := a.has.Stdin && !a.flags.NoStdin
	raw := a.has.Terminal && takes && isTerminal(os.Stdin)
	a.shown = newShown(raw)
	defer a.shown.restore()
	if raw {
		a.raw = &rawTerminal{}
		a.u.errors = newLines{a.u.errors}
		a.raw.enter()
		defer a.raw.leave()
	}
	signals := make(chan os.Signal, 16)
	// Before anything is shown, which could be what the caller waits for to send one.
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGTSTP, unix.SIGCONT)
	go a.heed(signals)
	if takes {
		go a.sendInput()
	}
	end, err := a.show()
	if why := a.left(); why != nil {
		var sig interruptedError
		switch {
		case errors.As(why, &sig):
			return 128 + int(sig), nil
		case why == errDetached:
			a.u.say("detached; sbx attach %s returns to it", a.box.Name)
			return 0, nil
		}
		return exitFailed, why
	}
	switch {
	case err != nil:
		return a.lost()
	case end.Error != "":
		return exitFailed, &mendedError{errors.New(end.Error), "sbx logs " + a.box.Name + " has it, sbx attach returns"}
	}
	return end.Exit, nil
}

var errDetached = errors.New("detached")

// leave ends it for a reason, of which the first counts.
func (a *attachment) leave(why error) {
	a.mu.Lock()
	if a.why == nil {
		a.why = why
	}
	a.mu.Unlock()
	a.conn.Close()
}

func (a *attachment) left() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.why
}

// show shows what comes, to the end.
func (a *attachment) show() (end control.End, err error) {
	for {
		f, err := a.conn.Receive()
		if err != nil {
			return end, err
		}
		f.Close() // nothing here comes with files
		switch f.Kind {
		case control.KindStdout:
			_, err = a.shown.out.Write(f.Payload)
		case control.KindStderr:
			_, err = a.shown.errors.Write(f.Payload)
		case control.KindNote:
			a.u.say("%s", f.Payload)
		case control.KindEnd:
			return end, json.Unmarshal(f.Payload, &end)
		}
		if err != nil {
			a.leave(err)
			return end, err
		}
	}
}

// lost is when the supervisor is no more, and has not said why.
func (a *attachment) lost() (int, error) {
	now, err := settled(a.all, a.box)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return exitFailed, errors.New("its supervisor ended, and it was removed")
	case err != nil:
		return exitFailed, err
	case now.Exit == nil:
		return exitFailed, errors.New("its supervisor does not answer any more")
	case now.Error != "":
		return *now.Exit, errors.New(now.Error)
	}
	return exitFailed, &mendedError{errors.New("the end of its output was not read here in time"), "sbx logs " + a.box.Name + " has it"}
}

// sendInput sends what is typed, or comes from a file.
func (a *attachment) sendInput() {
	var in io.Reader = os.Stdin
	if isTerminal(os.Stdin) {
		in = &tty.Input{File: os.Stdin, Foreground: a.foreground}
	}
	b := make([]byte, 32<<10)
	for {
		n, err := in.Read(b)
		through, detach := b[:n], false
		if a.raw != nil {
			through, detach = a.keys.typed(through)
		}
		if len(through) > 0 && a.conn.Send(control.KindStdin, through) != nil {
			return // it has ended
		}
		switch {
		case detach:
			a.leave(errDetached)
			return
		case err != nil:
			_ = a.conn.Send(control.KindEOF, nil)
			return
		}
	}
}

// heed heeds signals. Those that would end other programs go on to a command that has
// no terminal of its own, since it is what the caller means; but for the end of the
// caller's session, which is none of a detached command's.
func (a *attachment) heed(signals <-chan os.Signal) {
	for s := range signals {
		sig := s.(syscall.Signal)
		switch {
		case sig == unix.SIGWINCH:
			a.resize()
		case sig == unix.SIGTSTP:
			a.suspend()
		case sig == unix.SIGCONT:
			a.foreground()
		case sig != unix.SIGHUP && a.flags.SigProxy && !a.has.Terminal:
			_, _, err := askBox(a.all, a.box, control.Request{Do: control.Signal, Signal: int(sig)})
			if err != nil && !errors.Is(err, control.ErrNobody) { // otherwise it ends, which is told elsewhere
				a.u.fail(err, sandbox.Hint(err))
			}
		default:
			a.leave(interruptedError(sig))
		}
	}
}

// foreground is when the caller's terminal may have come back from another job.
func (a *attachment) foreground() {
	if a.raw != nil {
		a.raw.enter()
	}
	a.resize()
}

func (a *attachment) resize() {
	if size := callersSize(); a.has.Terminal && size != (control.Size{}) {
		_ = a.conn.SendJSON(control.KindSize, size) // it has ended
	}
}

// suspend stops sbx, as the caller's shell expects of a job.
func (a *attachment) suspend() {
	a.shown.restore()
	if a.raw != nil {
		a.raw.leave()
	}
	_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
}

// newLines begins lines at the left of a raw terminal.
type newLines struct{ io.Writer }

func (w newLines) Write(b []byte) (int, error) {
	if _, err := w.Writer.Write(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}
