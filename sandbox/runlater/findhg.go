package runlater

import "golang.org/x/sys/unix"

const hgWhy = "Mercurial runs the hooks in its hgrc"

// hgFile tells what Mercurial obeys in a repository; with a sharedpath it reads
// another's.
func hgFile(name string) bool {
	return among(name, "hgrc", "hgrc-not-shared", "sharedpath")
}

// mercurial does for .hg, in short, what git does for .git.
func (f *finder) mercurial(name string) error {
	var st unix.Statx_t
	if err := f.project.stat(name, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return f.protect(f.project, name, anything, hgWhy)
	}
	f.pin(f.project, name)
	for _, file := range [...]string{"hgrc", "hgrc-not-shared", "sharedpath"} {
		if err := f.ifThere(f.project, join(name, file), hgWhy); err != nil {
			return err
		}
	}
	return nil
}
