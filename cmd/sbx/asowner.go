package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/runlater"
	"github.com/sbxrun/sbx/userns"
)

// asOwnerName is the verb of the process that moves aside what belongs to the caller's
// subordinate ids.
const asOwnerName = "as-owner"

// A moving is what that process is told, and answers. Paths are bytes: JSON's strings
// would change those that are not UTF-8.
type moving struct {
	State    []byte
	Findings []movedPath
	Dir      []byte
}

type movedPath struct {
	Root, Path []byte
	Failed     string
}

// mostMoving bounds an answer: 10,000 findings of 4 KiB, in base64.
const mostMoving = 64 << 20

// moveAsOwner has findings moved by root of a user namespace over the subordinate ids.
func moveAsOwner(r runlater.Report, state string) (dir string, failed []error, err error) {
	ids, err := idmap.NewCaller()
	if err != nil {
		return "", nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	m := moving{State: []byte(state)}
	for _, f := range r.Findings {
		m.Findings = append(m.Findings, movedPath{Root: []byte(f.Root), Path: []byte(f.Path)})
	}
	if m, err = m.ask(ids, program); err != nil {
		return "", nil, err
	}
	if len(m.Findings) != len(r.Findings) {
		return "", nil, fmt.Errorf("%s: %d answers for %d files", asOwnerName, len(m.Findings), len(r.Findings))
	}
	for _, f := range m.Findings {
		if f.Failed == "" {
			failed = append(failed, nil)
		} else {
			failed = append(failed, errors.New(f.Failed))
		}
	}
	return string(m.Dir), failed, nil
}

func (m moving) ask(ids idmap.Caller, program string) (answer moving, err error) {
	question, err := json.Marshal(m)
	if err != nil {
		return answer, err
	}
	in, toIn, err := os.Pipe()
	if err != nil {
		return answer, err
	}
	defer in.Close()
	fromOut, out, err := os.Pipe()
	if err != nil {
		toIn.Close()
		return answer, err
	}
	defer fromOut.Close()
	plan := userns.Plan{Namespaces: userns.User, Steps: []userns.Step{
		userns.DieWithSupervisor{},
		userns.AwaitMaps{UID: ids.UID, GID: ids.GID, Helpers: ids.Helpers},
		userns.AwaitSupervisor{}, userns.NewSession{}, userns.NoNewPrivs{}, userns.Stdio{}, userns.CloseOnExec{}, userns.RestoreSignals{},
		userns.Exec{Paths: []string{program}, Argv: []string{program, asOwnerName}, Env: []string{"GOMAXPROCS=2"}},
	}}
	p, err := plan.Start(userns.Input{Stdin: in, Stdout: out, Stderr: os.Stderr})
	out.Close()
	if err != nil {
		toIn.Close()
		return answer, err
	}
	go func() {
		_, _ = toIn.Write(question) // one that does not read it does not answer either
		toIn.Close()
	}()
	b, err := io.ReadAll(io.LimitReader(fromOut, mostMoving))
	if _, waited := p.Wait(); err == nil {
		err = waited
	}
	if err == nil {
		err = json.Unmarshal(b, &answer)
	}
	return answer, err
}

// takeOver makes what was moved the caller's, to look at and to remove. Nobody else writes there.
func takeOver(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, 0, 0))
	})
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// asOwnerVerb is that process.
func asOwnerVerb(u ui, _ []string) int {
	var m moving
	b, err := io.ReadAll(io.LimitReader(os.Stdin, mostMoving))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		u.fail(fmt.Errorf("%s is a part of sbx run: %w", asOwnerName, err), "")
		return exitFailed
	}
	unix.Umask(0o077)
	var r runlater.Report
	for _, f := range m.Findings {
		r.Findings = append(r.Findings, runlater.Finding{Root: string(f.Root), Path: string(f.Path)})
	}
	dir, failed := r.Move(string(m.State))
	if m.Dir = []byte(dir); dir != "" {
		_ = takeOver(dir) // what stays another's is moved all the same: sbx unshare can remove it
	}
	for i, err := range failed {
		m.Findings[i].Failed = words(err)
	}
	answer, err := json.Marshal(m)
	if err == nil {
		_, err = io.Copy(os.Stdout, bytes.NewReader(answer))
	}
	return exitOf(u, err, "")
}
