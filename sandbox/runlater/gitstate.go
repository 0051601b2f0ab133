package runlater

import (
	"path"
	"slices"
	"strings"
)

// Git acts on some files at the top of a git directory with the next command of another
// kind. git commit ends with apply_autostash_ref (builtin/commit.c), whether there was a
// merge or not: the stash that MERGE_AUTOSTASH names is merged into the worktree. With
// rr-cache it also does rerere: each path in MERGE_RR is copied to rr-cache, from wherever
// it is (do_rerere_one_path of rerere.c). Those of a bisection name what is checked out.
//
// The other names (MERGE_HEAD, CHERRY_PICK_HEAD, ORIG_HEAD, AUTO_MERGE, MERGE_MSG) become
// parents and text of a commit, or are used where somebody names them.
const (
	autostash    = "MERGE_AUTOSTASH"
	autostashWhy = "git commit brings what is in the stash that it names"
	rerereWhy    = "git commit copies the files that it names into the repository"
	bisectWhy    = "git bisect goes by it"
)

// state judges those files.
func (w *walker) state(f *frame) {
	for _, s := range [...]struct {
		name, why string
		harmless  func(text string) bool
	}{
		{autostash, autostashWhy, func(string) bool { return false }},
		{"MERGE_RR", rerereWhy, func(text string) bool { return text == "" }},
		{"BISECT_START", bisectWhy, harmlessRevision},
		{"BISECT_TERMS", bisectWhy, harmlessRevision},
		{"BISECT_NAMES", bisectWhy, harmlessQuoted},
	} {
		what, counts := w.inEffect(f, s.name)
		if counts && !w.isLink() && !harmlessText(f.fd, s.name, s.harmless) { // a link is judged as one
			w.add(w.at([]byte(s.name)), what, s.why+stashed(f.fd, s.name))
		}
	}
}

// stashed says how to get at the uncommitted work that git has put into a stash of its own: it
// is the developer's where a rebase or merge outside was interrupted. Nothing else names it.
func stashed(dir int, name string) string {
	if path.Base(name) != "autostash" && name != autostash {
		return ""
	}
	text, err := readAt(dir, name, 128)
	id := strings.TrimSpace(string(text))
	if err != nil || len(id) != 40 && len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "" {
		return ""
	}
	return "; if it is your work: git stash apply " + id
}

// inEffect tells whether a name in a git directory is the run's, or came with the directory.
func (w *walker) inEffect(f *frame, name string) (what What, counts bool) {
	if w.changed(f, name) {
		return w.what(f.fd, []byte(name)), true
	}
	return Doubtful, f.moved && w.exists(f.fd, name)
}

// harmlessRevision tells names of revisions that are no options.
func harmlessRevision(text string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "-") {
			return false
		}
	}
	return true
}

// harmlessQuoted tells words in single quotes, as sq_quote of quote.c writes them, from
// what a shell would run: older git has one evaluate them (git-bisect.sh).
func harmlessQuoted(text string) bool {
	for text != "" {
		var quoted bool
		c := text[0]
		text = text[1:]
		switch c {
		case ' ', '\n':
		case '\\':
			if text == "" || text[0] != '\'' && text[0] != '!' {
				return false
			}
			text = text[1:]
		case '\'':
			if _, text, quoted = strings.Cut(text, "'"); !quoted {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// autostashTable reports a table in which the autostash is. Of the tables in tables.list
// the last one that has the name counts: git merge --autostash sets it in one and removes
// it in another.
func (w *walker) autostashTable(f *frame, dir int) {
	const index = "tables.list"
	if !w.changed(f, join("reftable", index)) {
		return
	}
	text, err := readAt(dir, index, configLimit)
	if err != nil {
		w.add(w.at([]byte(join("reftable", index))), Doubtful, autostashWhy)
		return
	}
	for _, name := range slices.Backward(strings.Split(string(text), "\n")) {
		if name == "" {
			continue
		}
		there, gone := tableStash(dir, path.Base(name))
		if at := join("reftable", path.Base(name)); there && w.changed(f, at) {
			w.add(w.at([]byte(at)), Doubtful, autostashWhy)
		}
		if there || gone {
			return
		}
	}
}

// tableStash tells whether a table sets the autostash or removes it. One that cannot be read
// may set it.
func tableStash(dir int, name string) (there, gone bool) {
	text, err := readAt(dir, name, tableLimit)
	if err != nil {
		return true, false
	}
	err = tableNames(text, func(ref []byte, removed bool) {
		if string(ref) == autostash {
			there, gone = !removed, removed
		}
	})
	return there || err != nil, gone
}
