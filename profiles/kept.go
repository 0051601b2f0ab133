package profiles

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// workSuffix is that of the directories in which overlayfs prepares files, beside a cache.
const workSuffix = ".sbx-work"

// projectNote is the file beside a project's caches that has its path.
const projectNote = "project"

// Make makes the directory on the host, for nobody else to look into. The first time it notes
// which project it is for.
func (k Kept) Make() error {
	if _, err := os.Stat(k.Source); err == nil {
		return nil
	}
	if err := os.MkdirAll(path.Dir(k.Source), 0o700); err != nil {
		return err
	}
	if k.before == "" || os.Rename(k.before, k.Source) != nil {
		if err := os.MkdirAll(k.Source, 0o700); err != nil {
			return err
		}
	}
	note := path.Join(path.Dir(k.Source), projectNote)
	return os.WriteFile(note, []byte(k.project), 0o600)
}

// Caches are what is kept for one project.
type Caches struct {
	ID      string   `json:"id"`
	Project string   `json:"project"` // its path then, or empty where that was not noted
	Gone    bool     `json:"gone"`    // no project with that id is there
	Names   []string `json:"caches"`  // paths, below the home where they are relative
	Dir     string   `json:"directory"`
}

// Short is the beginning of the id, which is enough to name it.
func (c Caches) Short() string { return c.ID[:min(len(c.ID), 12)] }

// Shared tells whether they are for all projects.
func (c Caches) Shared() bool { return c.ID == sharedHome }

// Kept are the caches of all projects.
func (p Places) Kept() (all []Caches, err error) { return keptIn(path.Join(p.CacheHome, "sbx")) }

// KeptHomes are what tools keep of their own, for each project and, without a path, for all.
func (p Places) KeptHomes() (all []Caches, err error) { return keptIn(p.Homes()) }

func keptIn(top string) (all []Caches, err error) {
	entries, err := os.ReadDir(top)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		_, err := hex.DecodeString(e.Name())
		isProject := err == nil && len(e.Name()) == projectIDLength
		if !isProject && e.Name() != sharedHome || !e.IsDir() {
			continue
		}
		c := Caches{ID: e.Name(), Dir: path.Join(top, e.Name()), Gone: isProject}
		if text, err := os.ReadFile(path.Join(c.Dir, projectNote)); err == nil && isProject {
			c.Project = string(text)
			id, err := ProjectID(c.Project)
			c.Gone = err != nil || id != c.ID
		}
		names, _ := os.ReadDir(c.Dir)
		for _, n := range names {
			if n.IsDir() && !strings.HasSuffix(n.Name(), workSuffix) {
				c.Names = append(c.Names, pathOfKept(n.Name()))
			}
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Caches) int { return strings.Compare(a.Project+a.ID, b.Project+b.ID) })
	return all, err
}

// pathOfKept is the path that keptName stands for, cut where that was.
func pathOfKept(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "%2F", "/"), "%25", "%")
}

// Size is how many bytes the caches take on the disk. What cannot be read counts as nothing.
func (c Caches) Size() (bytes int64) {
	_ = fs.WalkDir(os.DirFS(c.Dir), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				bytes += st.Blocks * 512 // stat(2)
			}
		}
		return nil
	})
	return bytes
}
