package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
)

// versions is what sbx version --json prints.
type versions struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"` // of the commit
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernel   string `json:"kernel"`
	Landlock int    `json:"landlock_abi"` // 0 is none
}

// versionVerb is sbx version.
func versionVerb(u ui, args []string) int {
	var flags struct {
		Json bool `help:"Print JSON, with the commit, Go, the kernel and its Landlock."`
	}
	if done, code := parseVerb(u, "version", "Print the version.", &flags, args); done {
		return code
	}
	var err error
	if flags.Json {
		err = printJSON(u, versionsNow())
	} else {
		_, err = fmt.Fprintln(u.out, "sbx", version)
	}
	return exitOf(u, err, "")
}

func versionsNow() versions {
	v := versions{Version: version, Commit: commit, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Commit = s.Value
			case "vcs.time":
				v.Time = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		v.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	v.Landlock = sandbox.LandlockABI()
	return v
}
