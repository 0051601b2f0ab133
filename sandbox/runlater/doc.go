// Package runlater keeps a build from planting what the developer runs later,
// outside the sandbox.
//
// A project is writable inside. But an editor runs .vscode/tasks.json when the
// folder is opened, a shell prompt runs what core.fsmonitor in .git/config
// names, direnv runs .envrc, and nobody asked for it. Package userns cannot help:
// by then there is no sandbox.
//
// It is done in two halves, for neither is enough. Find lists what is there
// before the run; it gets bound over itself, read-only, so that an honest build
// sees an error at once and the developer's own files stay as they are. What is
// not there cannot be bound without an empty file as the mount point, litter in
// the project. So Check walks the tree after the run, when every process of the
// sandbox is dead, for what has a change time since: on most file systems the one
// time of a file that its owner cannot set. Check trusts no mount either. A build that may make
// namespaces of its own can get at the project without the mounts in it
// (pivot_root, then the old root detached: no mount point is then one in its own
// namespace, and rename works). So whatever Find listed must still be the same
// file. Quarantine moves findings out of the way.
//
// Which names run later is data, names.toml, of which go generate makes the table
// that is linked in. A new hidden name that it does not have is reported. Programs
// and libraries run later too, where the caller's PATH or LD_LIBRARY_PATH leads into
// the project: Environment keeps what was there.
//
// The tree is the attacker's. Every step in it goes from one descriptor to the
// next, by one name that may not be a link, and no path is looked up twice.
// Nothing found is run, followed or asked of git.
//
// A name counts in whatever directory it is, also below .git and .hg: a link may
// lead there. A directory that holds a repository is a top for the names that count
// at one only. Where a file system's change times cannot be relied on, and in what is
// mounted below a directory that the run can write, Record notes before the run what
// Check compares with.
//
// What it does not do:
//
//   - What is run on purpose (Makefile, package.json, a test) is not covered.
//   - Below the top of the project, existing files are not read-only: to know
//     them would take a walk at the start. One that was changed is moved aside,
//     not restored; and a directory such as .vscode, or the hooks of a repository,
//     in which a name was made or removed is moved whole, for one that was moved in
//     looks no different.
//   - What counted before the run and came to its place with a directory above
//     it (mv templates src) has no new change time, and is not found. A .git or
//     .hg that was moved is, or is doubted where it was written to as well.
//   - What the developer changes outside during the run cannot be told from what
//     the run changed. Neither can what was written just before, within the tick
//     of the kernel's clock.
//   - A clock that is put back during the run and then forward again hides what
//     was changed between the two.
//   - While the run lasts, what it plants is there.
//   - A worktree inside the bare repository that it is of is not shown its
//     repository: the other worktrees would come along.
//   - A submodule that is added to a repository that was there is moved aside,
//     harmless or not: its settings say where git pushes to, and nobody looks at
//     them. In a repository that the run made it is judged like the rest.
//   - What is unfinished in a repository is judged by what it runs and by the stash that
//     it brings, not by the commits that it names: git status tells of it.
//   - Nothing can be renamed across a directory that is pinned: it is a mount.
//   - Git cannot write a configuration that is included, or that is a link or has several
//     names: the command has no copy of those. See Config.
package runlater
