package runlater

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Git keeps the state of a rebase, an am or a cherry-pick in directories of its
// own, and goes by it when it continues: by git rebase -x that is without anybody
// doing anything, as soon as the run has ended.

const stateWhy = "git goes by it when it continues what is unfinished"

var stateDirs = [...]string{"rebase-merge", "rebase-apply", "sequencer"}

// unfinished takes down what is there. Under git rebase -x it was written in the
// same tick of the clock as the run begins in.
func (f *finder) unfinished(t tree, gitdir string) {
	for _, dir := range stateDirs {
		path := join(gitdir, dir)
		fd, err := openDir(t.fd, path)
		if err != nil {
			continue
		}
		b := baseline{left: configLimit}
		names, _ := list(fd, unix.DT_UNKNOWN) // those that are missing count as new
		for _, name := range append(names[:min(len(names), bindLimit)], ".") {
			w := watched{root: t.index, path: join(path, name), content: transient}
			var st unix.Statx_t
			if statAt(fd, name, &st) == nil {
				w.id, w.text = identify(&st), b.read(fd, name, &st)
				f.g.watched = append(f.g.watched, w)
			}
		}
		unix.Close(fd)
	}
}

// unchanged tells whether a file is as it was taken down. Within a tick of the
// clock its change time does not tell.
func (w *walker) unchanged(e *watched, dir int, path string, st *unix.Statx_t) bool {
	b := baseline{left: configLimit}
	return w.same(e, dir, []byte(path), st) && (e.content != transient || e.text == b.read(dir, path, st))
}

// unfinished judges that state, as far as the run wrote it.
func (w *walker) unfinished(f *frame) {
	for _, dir := range stateDirs {
		if !w.exists(f.fd, dir) {
			continue
		}
		switch {
		case w.st.Mode&unix.S_IFMT == unix.S_IFDIR:
			w.stateDir(f, dir)
		case w.changed(f, dir):
			w.add(w.at([]byte(dir)), w.what(f.fd, []byte(dir)), stateWhy)
		default:
			w.add(w.at([]byte(dir)), Doubtful, stateWhy)
		}
	}
}

// stateDir judges the files of one directory. Where a name in it is new, all may be.
func (w *walker) stateDir(f *frame, dir string) {
	fresh := w.changed(f, dir)
	fd, err := openDir(f.fd, dir)
	if err != nil {
		w.unseen(w.at([]byte(dir)), err)
		return
	}
	defer unix.Close(fd)
	names, err := list(fd, unix.DT_UNKNOWN)
	if err != nil {
		w.unseen(w.at([]byte(dir)), err)
	}
	for _, name := range names {
		path := join(dir, name)
		isNew := w.changed(f, path)
		if isNew && w.isLink() || !isNew && !(fresh && w.exists(f.fd, path)) {
			continue // a new link is judged as one
		}
		if what := w.what(f.fd, []byte(path)); !harmlessState(fd, dir, name, &w.st) {
			w.add(w.at([]byte(path)), what, stateWhy+stashed(fd, name))
		}
	}
}

// harmlessState tells whether a file of the state can make git run nothing. What is
// not known is not harmless.
func harmlessState(at int, dir, name string, st *unix.Statx_t) bool {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	switch name {
	case "git-rebase-todo", "git-rebase-todo.backup", "todo", "done":
		return harmlessText(at, name, harmlessTodo)
	case "strategy":
		return harmlessText(at, name, func(s string) bool { return harmlessStrategy(strings.TrimSpace(s)) })
	case "strategy_opts", "apply-opt":
		return harmlessText(at, name, harmlessOptions)
	case "gpg_sign_opt":
		return harmlessText(at, name, func(s string) bool { return harmlessKey(strings.TrimPrefix(strings.TrimSpace(s), "-S")) })
	case "opts":
		return harmlessText(at, name, harmlessSequencer)
	}
	return dir == "rebase-apply" && strings.Trim(name, "0123456789") == "" || among(name,
		// sequencer.c, builtin/rebase.c, builtin/am.c
		"abort-safety", "head", "head-name", "onto", "orig-head", "quiet", "verbose", "signoff", "interactive", "end", "msgnum", "next", "last",
		"message", "message-squash", "message-fixup", "author-script", "amend", "stopped-sha", "patch", "allow_rerere_autoupdate",
		"rewritten-list", "rewritten-pending", "current-fixups", "squash-onto", "drop_redundant_commits", "keep_redundant_commits",
		"cdate_is_adate", "ignore_date", "no-reschedule-failed-exec", "reschedule-failed-exec", "update-refs", "refs-to-delete", "dropped",
		"rebasing", "applying", "rewritten", "final-commit", "info", "msg", "msg-clean", "original-commit", "abort_safety", "threeway", "utf8",
		"keep", "messageid", "scissors", "quoted-cr", "no_inbody_headers", "sign", "dirtyindex", "patch-format", "empty", "original-head")
}

func harmlessText(at int, name string, harmless func(string) bool) bool {
	text, err := readAt(at, name, configLimit)
	return err == nil && strings.IndexByte(string(text), 0) < 0 && harmless(string(text))
}

// harmlessTodo tells whether what is left to do has no command in it. Git compares
// each line's first word with the names of its own instructions, up to white
// space, before which there may be more (is_command of sequencer.c). A comment
// begins with a sign, which no instruction does, whatever core.commentChar is.
func harmlessTodo(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimLeft(line, " \t\r")
		if line == "" || strings.IndexByte("#;@!$%^&|:", line[0]) >= 0 {
			continue
		}
		word := line
		if i := strings.IndexAny(line, " \t\r"); i >= 0 {
			word = line[:i]
		}
		if !among(word, "pick", "p", "revert", "edit", "e", "reword", "r", "fixup", "f", "squash", "s", "drop", "d", "noop",
			"break", "b", "label", "l", "reset", "t", "merge", "m", "update-ref", "u") {
			return false
		}
	}
	return true
}

// harmlessStrategy tells git's own strategies from git-merge-NAME in PATH, where
// NAME may have slashes.
func harmlessStrategy(s string) bool {
	return among(s, "", "ort", "recursive", "resolve", "octopus", "ours", "subtree")
}

// harmlessOptions tells options of a merge or of git apply that name no file.
func harmlessOptions(s string) bool {
	for _, c := range []byte(s) {
		if !isKey(c) && strings.IndexByte("=' \n%", c) < 0 {
			return false
		}
	}
	return true
}

// harmlessKey tells the id of an OpenPGP key, or none.
func harmlessKey(s string) bool { return strings.Trim(strings.ToLower(s), "0123456789abcdefx") == "" }

// harmlessSequencer judges sequencer/opts, which is written as a configuration is.
func harmlessSequencer(text string) bool {
	settings, err := parseConfig([]byte(text))
	if err != nil {
		return false
	}
	for _, s := range settings {
		switch s.key {
		case "strategy":
			if !harmlessStrategy(s.value) {
				return false
			}
		case "strategy-option":
			if !harmlessOptions(s.value) {
				return false
			}
		case "gpg-sign":
			if !harmlessKey(s.value) {
				return false
			}
		case "no-commit", "edit", "allow-empty", "allow-empty-message", "drop-redundant-commits", "keep-redundant-commits", "signoff",
			"record-origin", "allow-ff", "mainline", "allow-rerere-auto", "default-msg-cleanup":
		default:
			return false
		}
		if s.section != "options" {
			return false
		}
	}
	return true
}
