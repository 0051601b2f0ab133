package dotenv

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// directoryLimit bounds how many directories below the top Find lists. Each takes three
// to five microseconds of every start.
const directoryLimit = 48

// nameLimit bounds how many names it judges in them, and nameLimitEach in one of them: what
// has more is data. To list a thousand names takes the kernel 0.1 ms.
const (
	nameLimit     = 2048
	nameLimitEach = 512
)

// contentLimit is how much of a file is read that is a secret by its contents only.
const contentLimit = 64 << 10

// large are directories that tools fill, with many files and no secret of the project's.
var large = [...]string{
	"node_modules", "bower_components", "vendor", "target", "dist", "build", "out", "coverage", "venv", "__pycache__", "site-packages", "pods",
	"deriveddata", "obj", "_build", "testdata", "fixtures", "third_party", "third-party", "external", "locale", "locales", "assets", "images", "public", "static",
}

// lookedInto are those of the directories with a leading dot that are looked into: of the
// others tools alone know what is in them.
var lookedInto = [...]string{".aws", ".kube", ".docker", ".cargo", ".gem", ".streamlit", ".config", ".github", ".devcontainer", ".deploy", ".secrets", ".terraform", ".vercel", ".ssh", ".supabase", ".vscode", ".claude", ".worktrees"}

// likely are directories that come first, with those in them: workspaces, and where
// settings are kept.
var likely = [...]string{
	"packages", "apps", "services", "projects", "workspaces", "modules", "functions", "lambda", "app", "api", "server", "backend", "frontend", "client", "web", "worker",
	"config", "conf", "settings", "env", "envs", "environments", "secrets", "certs", "keys", "ssl", "deploy", "deployment", "infra", "infrastructure", "terraform", "ansible", "k8s", "kubernetes", "docker", "ops", ".aws", ".kube", ".docker", ".secrets", ".ssh", ".claude", ".worktrees", "worktrees",
}

// Find lists the secrets in a directory, by their paths below it: at its top, and in the
// directories nearest to it, of which it lists a bounded number. top are the names at its
// top, which the caller has listed. known are files that were secrets before: those that
// still are come to what is found, wherever they are.
//
// A directory that the caller may not read cannot be searched. If it belongs to one of the
// command's users, who can change that, it is a secret as a whole.
//
// Another sandbox may be at work in it, so nothing is opened through a link.
//
// listed is called for each directory in a directory that Find lists, with its inode.
func Find(dir string, top []Entry, commands func(uid uint32) bool, listed func(dir, name string, ino uint64), known ...string) (found []string) {
	f := finder{dir: dir, top: -1, commands: commands, listed: listed}
	defer f.close()
	for _, e := range top {
		f.judge("", "", e.Name, e.Kind)
	}
	f.search()
	for _, name := range known {
		if !slices.Contains(f.found, name) && f.is(name) {
			f.found = append(f.found, name)
		}
	}
	return f.found
}

// search lists directories, those that wait first.
func (f *finder) search() {
	for range directoryLimit {
		var next string
		switch {
		case f.names >= nameLimit:
			return
		case len(f.first) > 0:
			next, f.first = f.first[0], f.first[1:]
		case len(f.then) > 0:
			next, f.then = f.then[0], f.then[1:]
		default:
			return
		}
		f.list(next)
	}
}

// is tells whether there is a file by a path, and a secret.
func (f *finder) is(name string) bool {
	fd, err := f.open(name, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return false
	}
	secret, contents := Name(path.Base(path.Dir(name)), path.Base(name))
	return secret && f.contains(name, contents)
}

// Remembered tells whether the secrets in a directory are to be remembered after a run. Every
// directory is read then, so only those are left out that tools fill.
func Remembered(dir string) bool {
	parent := ""
	for part := range strings.SplitSeq(dir, "/") {
		if name := lower(part); slices.Contains(caches[:], name) || !strings.HasPrefix(name, ".") && !worthwhile(parent, part) {
			return false
		}
		parent = part
	}
	return true
}

// caches are directories with a leading dot that tools fill.
var caches = [...]string{
	".git", ".hg", ".sl", ".jj", ".svn", ".bzr", ".venv", ".tox", ".nox", ".eggs", ".cache", ".next", ".nuxt", ".output", ".svelte-kit", ".angular", ".parcel-cache", ".turbo", ".nx",
	".gradle", ".m2", ".npm", ".yarn", ".pnpm-store", ".bundle", ".dart_tool", ".expo", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".direnv", ".stack-work", ".build",
	".zig-cache", ".docusaurus", ".vite", ".mise", ".rustup", ".terraform",
}

// An Entry is a name in a directory, with its kind (DT_*, readdir(3)).
type Entry struct {
	Name string
	Kind byte
}

type finder struct {
	dir   string
	top   int      // its descriptor, or -1
	first []string // directories that are likely to have some, and others: those near the
	then  []string // top first
	found []string
	names int // that were judged below the top
	// commands tells whether a user is one of the command's.
	commands func(uid uint32) bool
	listed   func(dir, name string, ino uint64)
	buf      [16 << 10]byte
}

func (f *finder) close() {
	if f.top >= 0 {
		unix.Close(f.top)
	}
}

// open opens a path below the directory.
func (f *finder) open(name string, flags uint64) (int, error) {
	if f.top < 0 {
		fd, err := unix.Open(f.dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, err
		}
		f.top = fd
	}
	return unix.Openat2(f.top, name, &unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS})
}

// list judges the names in a directory.
func (f *finder) list(dir string) {
	fd, err := f.open(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err == unix.EACCES && f.closed(dir) {
		f.found = append(f.found, dir)
	}
	if err != nil {
		return // it went away, or the command may not look into it either
	}
	defer unix.Close(fd)
	parent := path.Base(dir)
	for names := f.names; f.names-names < nameLimitEach; {
		n, err := unix.Getdents(fd, f.buf[:])
		if err != nil || n <= 0 {
			return
		}
		for b := f.buf[:n]; len(b) > 19; {
			size := int(binary.NativeEndian.Uint16(b[16:])) // struct linux_dirent64
			if size < 20 || size > len(b) {
				return
			}
			name := b[19:size]
			if end := bytes.IndexByte(name, 0); end >= 0 {
				name = name[:end]
			}
			if string(name) != "." && string(name) != ".." {
				f.names++
				n := string(name)
				if b[18] == unix.DT_DIR {
					f.listed(dir, n, binary.NativeEndian.Uint64(b))
				}
				f.judge(dir, parent, n, b[18])
			}
			b = b[size:]
		}
	}
}

// closed tells whether the command can open a directory that the caller may not read: it or
// the directory above that denies access.
func (f *finder) closed(dir string) bool {
	for ; ; dir = path.Dir(dir) {
		var st unix.Stat_t
		switch err := unix.Fstatat(f.top, dir, &st, unix.AT_SYMLINK_NOFOLLOW); {
		case err == nil:
			return f.commands(st.Uid)
		case err != unix.EACCES || dir == ".":
			return false
		}
	}
}

// judge adds a secret to what was found, and a directory to what is to be listed.
func (f *finder) judge(dir, parent, name string, kind byte) {
	at := func() string { return path.Join(dir, name) }
	if kind == unix.DT_DIR || kind == unix.DT_UNKNOWN {
		f.enqueue(at(), parent, name)
		if kind == unix.DT_DIR && dir != "" {
			return // .env is a virtual environment's directory, too
		}
	}
	if secret, contents := Name(parent, name); secret && !(kind == unix.DT_LNK && isLock(name)) && f.contains(at(), contents) {
		f.found = append(f.found, at())
	}
}

// enqueue has a directory listed later.
func (f *finder) enqueue(at, parent, name string) {
	queue := &f.then
	if slices.Contains(likely[:], lower(name)) || parent != "" && slices.Contains(likely[:], lower(parent)) {
		queue = &f.first
	}
	if len(*queue) < directoryLimit && worthwhile(parent, name) {
		*queue = append(*queue, at)
	}
}

// worthwhile tells whether a directory is listed. In bin/Debug .NET has copies of settings.
func worthwhile(parent, name string) bool {
	name = lower(name)
	if strings.HasPrefix(name, ".") {
		return slices.Contains(lookedInto[:], name)
	}
	return !slices.Contains(large[:], name) && !((name == "debug" || name == "release") && lower(parent) == "bin")
}

// contains tells whether a file has one of some contents, or cannot be looked into.
func (f *finder) contains(name string, contents []string) bool {
	if contents == nil {
		return true
	}
	fd, err := f.open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	text := make([]byte, min(st.Size, contentLimit))
	n, err := unix.Pread(fd, text, 0)
	if err != nil || st.Size > contentLimit {
		return true
	}
	return slices.ContainsFunc(contents, func(c string) bool { return bytes.Contains(text[:n], []byte(c)) })
}
