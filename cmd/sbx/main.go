package main

import (
	"fmt"
	"os"
	"strings"
)

// version is set by the Makefile from the tag (-ldflags -X).
var version = "dev"

// Exit codes are part of the interface: docker's and podman's, and timeout's.
const (
	exitTimeout       = 124 // --timeout ended the command
	exitFailed        = 125 // sbx itself failed, the command did not run
	exitNotExecutable = 126
	exitNotFound      = 127
)

// verbs are what sbx can do, each in a file of its own. A verb builds only its
// own grammar: the whole one would cost every start a millisecond.
var verbs = map[string]func(u ui, args []string) int{
	"run":     runVerb,
	"image":   imageVerb,
	"images":  imagesVerb,
	"pull":    pullVerb,
	"cache":   cacheVerb,
	"profile": profileVerb,
	"net":     netVerb,
	"trust":   trustVerb,
	"untrust": untrustVerb,
	"unshare": unshareVerb,
	"doctor":  doctorVerb,
	"version": versionVerb,
	"help":    helpVerb,

	"ps":      psVerb,
	"stop":    stopVerb,
	"kill":    killVerb,
	"wait":    waitVerb,
	"rm":      rmVerb,
	"prune":   pruneVerb,
	"inspect": inspectVerb,
	"exec":    execVerb,
	"logs":    logsVerb,
	"attach":  attachVerb,

	"cp":     cpVerb,
	"pause":  pauseVerb,
	"resume": resumeVerb,
	"stats":  statsVerb,
	"top":    topVerb,

	"ls":      psVerb,
	"start":   startVerb,
	"restart": restartVerb,
	"unpause": resumeVerb,
	"rename":  renameVerb,
	"port":    portVerb,
	"rmi":     rmiVerb,
	"tag":     tagVerb,
	"volume":  volumeVerb,

	superviseName:      superviseVerb,
	superviseAgainName: superviseAgainVerb,
	besideName:         besideVerb,
	asOwnerName:        asOwnerVerb,
}

func main() {
	os.Exit(sbx(os.Args[1:]))
}

func sbx(args []string) int {
	u := ui{os.Stdout, &voice{file: os.Stderr}, takeUmask()}
	if os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() {
		// It trusts its arguments and environment as the caller's own (CVE-2020-5291).
		u.fail(fmt.Errorf("sbx must not be a setuid program"), "chmod u-s,g-s "+os.Args[0])
		return exitFailed
	}
	if len(args) == 0 {
		usage(u.errors)
		return exitFailed
	}
	name := args[0]
	if alias, ok := map[string]string{"-h": "help", "--help": "help", "-V": "version", "--version": "version"}[name]; ok {
		name = alias
	}
	verb, ok := verbs[name]
	if !ok {
		u.fail(fmt.Errorf("%q is not an sbx command", name), "sbx run -- "+strings.Join(args, " "))
		return exitFailed
	}
	return verb(u, args[1:])
}

func versionVerb(u ui, _ []string) int {
	if _, err := fmt.Fprintln(u.out, "sbx", version); err != nil {
		u.fail(err, "")
		return exitFailed
	}
	return 0
}

func helpVerb(u ui, _ []string) int {
	usage(u.out)
	return 0
}
