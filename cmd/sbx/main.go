package main

import (
	"fmt"
	"os"
)

// They are set by the Makefile from git (-ldflags -X).
var version, commit = "dev", ""

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
	"moved":   movedVerb,
	"profile": profileVerb,
	"net":     netVerb,
	"trust":   trustVerb,
	"untrust": untrustVerb,
	"unshare": unshareVerb,
	"doctor":  doctorVerb,
	"version": versionVerb,

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
	u := ui{out: os.Stdout, errors: &voice{file: os.Stderr}, umask: takeUmask()}
	if os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() {
		// It trusts its arguments and environment as the caller's own (CVE-2020-5291).
		u.fail(fmt.Errorf("sbx must not be a setuid program"), "chmod u-s,g-s "+os.Args[0])
		return exitFailed
	}
	if len(args) == 0 {
		return shortHelp(u)
	}
	name := args[0]
	if alias, ok := map[string]string{"-h": "help", "--help": "help", "-V": "version", "--version": "version"}[name]; ok {
		name = alias
	}
	verb, ok := verbOf(name)
	if !ok {
		u.fail(fmt.Errorf("%q is not an sbx command", name), insteadOf(args))
		return exitFailed
	}
	return verb(u, args[1:])
}

// verbOf finds a verb. Two of them speak of all the others, and are in no table.
func verbOf(name string) (verb func(u ui, args []string) int, ok bool) {
	switch name {
	case "help":
		return helpVerb, true
	case "completion":
		return completionVerb, true
	}
	verb, ok = verbs[name]
	return verb, ok
}
