package runlater

import "strings"

// strangeGitWhy is for a new name at the top of a git directory that no list has. There
// tools keep a configuration of their own as well: git writes what it knows, and the rest
// is somebody's.
const strangeGitWhy = "git does not write it, nor any known tool"

// resolutionsWhy is for a directory that git makes only where it is told to.
const resolutionsWhy = "git takes resolutions of conflicts from it, once it is there"

// strangeIn reports such a name if it is new, or was moved there.
func (w *walker) strangeIn(f *frame, name []byte) {
	if e := quiet[0].find(name); e != nil && e.rule == quietly || !w.look(f.fd, name) || !w.touched(f.fd, name, &w.st) {
		return
	}
	if w.what(f.fd, name) != Created && !(stamp{w.st.Mtime.Sec, w.st.Mtime.Nsec}).before(w.since) {
		return // it was written to
	}
	why := strangeGitWhy
	if string(name) == "rr-cache" {
		why = resolutionsWhy
	}
	w.unknown(name, Created, why)
}

// knownInGit tells the names that git writes in a git directory (gitrepository-layout(5),
// path.c), and tools that keep nothing there that they run.
func knownInGit(name string) bool {
	switch name {
	case "HEAD", "index", "config", "config.worktree", "description", "hooks", "info", "objects", "refs", "logs", "packed-refs", "packed-refs.new",
		"shallow", "worktrees", "modules", "commondir", "common", "gitdir", "locked", "branches", "remotes", "reftable", "sequencer", "rebase-merge",
		"rebase-apply", "rebased-patches", "lost-found", "AUTO_MERGE", autostash, "MERGE_MODE", "MERGE_RR", "NOTES_MERGE_REF", "NOTES_MERGE_PARTIAL",
		"NOTES_MERGE_WORKTREE", "EDIT_DESCRIPTION", "ADD_EDIT.patch", "addp-hunk-edit.diff", "gc.log", "gc.pid", "git-daemon-export-ok", "subtree-cache", "svn":
		return true
	case "lfs", "annex", "git-crypt", "filter-repo", "gitk.cache", "gitweb", "cola", "tags", "opencode", "cursor", "gk", "machete", "tgitchangelist",
		"tgitrevisions", "tortoisegit.index", "sourcetreeconfig", "sourcetreeconfig.json", "gitbutler", "git-bug", "magit", "opendb", "gitui", "patches",
		"stgit", "topgit":
		return true
	}
	for _, prefix := range [...]string{"BISECT_", "sharedindex.", "index.", "next-index-", "shallow_", "fast_import_crash_", "tmp_", "fsmonitor--daemon",
		".gitk-tmp.", ".gitsendemail.", "gitcvs.", "GITGUI_", "lint-staged_", ".graphite_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	for _, suffix := range [...]string{"_HEAD", "_MSG", "_EDITMSG", ".lock", ".tags", "~"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#")
}

// A toolFile is a name of the table in a directory .git, which tools look for in any git
// directory.
type toolFile struct{ path, why string }

func toolFiles() []toolFile {
	all := make([]toolFile, 0, 8)
	for i := range guarded {
		g := &guarded[i]
		if g.dir != ".git" && !strings.HasPrefix(g.dir, ".git/") {
			continue
		}
		for _, n := range g.exact {
			if n.rule == moved {
				all = append(all, toolFile{join(strings.TrimPrefix(g.dir[len(".git"):], "/"), n.name), n.why})
			}
		}
	}
	return all
}

// toolFiles judges them where the directory is not called .git, since entry has done it there.
func (w *walker) toolFiles(f *frame) {
	if guarded[f.group].dir == ".git" {
		return
	}
	for _, t := range toolFiles() {
		if what, counts := w.inEffect(f, t.path); counts {
			w.add(w.at([]byte(t.path)), what, t.why)
		}
	}
}
