package sandbox

import (
	"encoding/binary"
	"io"
	"slices"
	"strings"
)

// isLocale tells the variables that name a locale. A program that does not find it warns at each
// start, as perl and bash do.
func isLocale(name string) bool {
	return name == "LANG" || name == "LANGUAGE" || strings.HasPrefix(name, "LC_")
}

// WithoutLocales drops, of the caller's variables, those that name a locale which the Spec's
// root has not. Where the root has C.UTF-8, that stands for a LANG in UTF-8.
func (s Spec) WithoutLocales(env []string) (kept []string) {
	archive := []string(nil)
	read := false
	has := func(locale string) bool {
		names := localeNames(locale)
		for _, name := range names {
			if s.inRoot("/usr/lib/locale/" + name) {
				return true
			}
		}
		if !read {
			archive, read = s.localeArchive(), true
		}
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(archive, name) })
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		switch {
		case !isLocale(name) || value == "" || value == "C" || value == "POSIX":
			kept = append(kept, e)
		case name == "LANGUAGE": // a list, by which no program warns
			kept = append(kept, e)
		case !strings.Contains(value, "/") && has(value):
			kept = append(kept, e)
		case name == "LANG" && len(localeNames(value)) > 1 && strings.Contains(strings.ToLower(value), "utf") && has("C.UTF-8"):
			kept = append(kept, "LANG=C.UTF-8")
		}
	}
	return kept
}

// localeNames are the names that a locale may have on the disk: as it is, and with its character
// set as setlocale(3) writes it (de_DE.UTF-8@euro, de_DE.utf8@euro).
func localeNames(locale string) []string {
	language, rest, has := strings.Cut(locale, ".")
	if !has {
		return []string{locale}
	}
	set, modifier, modified := strings.Cut(rest, "@")
	set = strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, set)
	name := language + "." + set
	if modified {
		name += "@" + modifier
	}
	return []string{locale, name}
}

// inRoot tells whether a root has a path.
func (s Spec) inRoot(path string) bool {
	for _, dir := range s.rootDirs() {
		if f, err := openIn(dir, path); err == nil {
			f.Close()
			return true
		}
	}
	return false
}

// maxLocaleNames bounds what is read of an archive, which is the image's.
const maxLocaleNames = 1 << 20

// localeArchive lists the names in the root's locale-archive: of its header (struct locarhead,
// locale/locarchive.h of glibc) the sixth and seventh number say where they are.
func (s Spec) localeArchive() []string {
	f, err := s.openInRoot("/usr/lib/locale/locale-archive")
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, 56)
	if _, err := io.ReadFull(f, head); err != nil || binary.NativeEndian.Uint32(head) != 0xde020109 {
		return nil
	}
	offset, used := int64(binary.NativeEndian.Uint32(head[20:])), int64(binary.NativeEndian.Uint32(head[24:]))
	at, ok := f.(io.ReaderAt)
	if !ok || used > maxLocaleNames {
		return nil
	}
	names := make([]byte, used)
	if _, err := at.ReadAt(names, offset); err != nil && err != io.EOF {
		return nil
	}
	return strings.Split(string(names), "\x00")
}
