package runlater

import (
	"slices"
	"strings"
)

// harmless tells whether a setting can make git run nothing and read nothing
// from elsewhere. It is a list of what git itself, or a clone, writes; whatever
// is not known is not harmless. inside tells of core.worktree's value whether it
// is in the project.
func harmless(s setting, inside func(string) bool) bool {
	switch s.section {
	case "core":
		switch s.key {
		case "fsmonitor": // a word is git's own daemon, all else a command
			return isBool(s.value)
		case "worktree": // git clean would empty it
			return inside(s.value)
		}
		return s.sub == "" && among(s.key, "abbrev", "autocrlf", "bare", "bigfilethreshold", "checkstat", "commentchar", "compression",
			"eol", "filemode", "ignorecase", "logallrefupdates", "longpaths", "precomposeunicode", "preloadindex", "quotepath",
			"repositoryformatversion", "safecrlf", "sharedrepository", "sparsecheckout", "sparsecheckoutcone", "splitindex",
			"symlinks", "trustctime", "untrackedcache")
	case "remote":
		if s.sub != "" && !isRemote(s.sub) {
			return false
		}
		switch s.key {
		case "url", "pushurl":
			return harmlessURL(s.value)
		}
		return among(s.key, "fetch", "push", "tagopt", "prune", "prunetags", "mirror", "promisor", "partialclonefilter", "pushdefault",
			"skipdefaultupdate", "skipfetchall", "followremotehead")
	case "branch":
		switch s.key {
		case "remote", "pushremote": // may be a URL
			return harmlessURL(s.value)
		case "mergeoptions": // may name a strategy, which is a program
			return false
		}
		return among(s.key, "merge", "rebase", "description", "autosetupmerge", "autosetuprebase", "sort",
			"vscode-merge-base", "gh-merge-base", "github-pr-owner-number")
	case "submodule":
		switch s.key {
		case "url":
			return harmlessURL(s.value)
		case "update": // "!command" is one
			return among(s.value, "checkout", "rebase", "merge", "none")
		}
		return among(s.key, "active", "branch", "ignore", "fetchrecursesubmodules", "recurse", "propagatebranches", "alternatelocation", "alternateerrorstrategy")
	case "extensions":
		if s.key == "refstorage" { // may be a URL
			return among(s.value, "files", "reftable")
		}
		return among(s.key, "objectformat", "compatobjectformat", "noop", "partialclone", "preciousobjects", "relativeworktrees", "worktreeconfig")
	}
	return s.sub == "" && harmlessWord(s.section, s.key)
}

func harmlessWord(section, key string) bool {
	switch section {
	case "user":
		return among(key, "name", "email", "useconfigonly")
	case "init":
		return key == "defaultbranch"
	case "commit", "tag":
		return among(key, "gpgsign", "verbose", "cleanup", "status", "sort", "forcesignannotated")
	case "pull":
		return among(key, "rebase", "ff")
	case "push":
		return among(key, "default", "autosetupremote", "followtags", "recursesubmodules")
	case "fetch":
		return among(key, "prune", "prunetags", "parallel", "recursesubmodules", "writecommitgraph")
	case "merge":
		return among(key, "ff", "conflictstyle", "log", "renames", "stat")
	case "rebase":
		return among(key, "autosquash", "autostash", "updaterefs", "stat")
	case "diff":
		return among(key, "algorithm", "renames", "renamelimit", "mnemonicprefix", "noprefix", "colormoved")
	case "gc", "maintenance":
		return among(key, "auto", "autodetach", "strategy", "pruneexpire")
	case "advice", "color", "status", "index", "feature":
		return true
	case "lfs":
		return key == "repositoryformatversion"
	}
	return false
}

// harmlessURL refuses what names a program to talk to: ext::sh -c ... is run,
// name::address runs git-remote-name, and a leading dash is an option
// (CVE-2017-1000117).
func harmlessURL(u string) bool {
	if u == "" || u[0] == '-' || strings.Contains(u, "::") {
		return false
	}
	scheme, rest, ok := strings.Cut(u, "://")
	if !ok { // a path, host:path, or a remote's name
		return !strings.Contains(u, ":-")
	}
	return among(strings.ToLower(scheme), "https", "http", "ssh", "git", "file", "git+ssh", "ssh+git") && !strings.HasPrefix(rest, "-")
}

func isBool(v string) bool {
	return among(strings.ToLower(v), "", "true", "false", "yes", "no", "on", "off", "0", "1")
}

func among(s string, of ...string) bool { return slices.Contains(of, s) }
