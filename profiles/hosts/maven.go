package hosts

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// mavenSettings is what of settings.xml (https://maven.apache.org/settings.html) says
// where artifacts are from.
type mavenSettings struct {
	mirrors []mavenMirror
	// repositories and plugins are those of the profiles that are on.
	repositories, plugins []mavenPlace
}

type mavenMirror struct {
	mavenPlace
	of      string
	blocked bool
}

type mavenPlace struct{ id, url string }

// askMaven reads the settings of the user and of the installation: the command that
// prints them is a plugin, which would be downloaded.
func askMaven(a *Asker) (r answer, err error) {
	home, found := a.mavenHome()
	if !found {
		return r, ErrNotInstalled
	}
	var all mavenSettings
	from := map[string]string{}
	for _, file := range []string{a.Home + "/.m2/settings.xml", home + "/conf/settings.xml"} { // the user's comes first
		s, err := a.mavenSettings(file)
		if err != nil {
			return r, err
		}
		for _, m := range s.mirrors {
			from[m.url] = cmp.Or(from[m.url], fmt.Sprintf("%s: mirror %s", file, m.id))
		}
		for _, p := range append(s.repositories, s.plugins...) {
			from[p.url] = cmp.Or(from[p.url], fmt.Sprintf("%s: repository %s", file, p.id))
		}
		all.mirrors = append(all.mirrors, s.mirrors...)
		all.repositories, all.plugins = append(all.repositories, s.repositories...), append(all.plugins, s.plugins...)
	}
	for _, p := range all.places() {
		if m, ok := all.mirror(p); ok {
			p = m.mavenPlace
			if m.blocked {
				r.note("%s is for a repository that it blocks", from[p.url])
				continue
			}
		}
		if p.url == "" {
			err = errors.Join(err, r.besides("central"))
			continue
		}
		a.add(&r, a.interpolate(p.url), from[p.url])
	}
	return r, err
}

// mavenHome is where Maven is. Builds that bring a Maven of their own, by a wrapper, and
// Gradle's have the user's settings, or the default.
func (a *Asker) mavenHome() (home string, found bool) {
	for _, name := range []string{"MAVEN_HOME", "M2_HOME"} {
		if home := a.Getenv(name); home != "" {
			return home, true
		}
	}
	if program, err := a.Find("mvn"); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			program = real
		}
		return filepath.Dir(filepath.Dir(program)), true
	}
	for _, program := range []string{"gradle", "java"} {
		if _, err := a.Find(program); err == nil {
			return "/usr/share/maven", true
		}
	}
	return "", false
}

func (a *Asker) mavenSettings(file string) (s mavenSettings, err error) {
	text, err := a.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	doc, err := parseXML(string(text))
	if err != nil {
		return s, fmt.Errorf("%s: %w", file, err)
	}
	for _, m := range doc.all("mirrors", "mirror") {
		s.mirrors = append(s.mirrors, mavenMirror{place(m), m.word("mirrorOf"), m.word("blocked") == "true"})
	}
	// A profile that is on by default is off where another one is named, which the parts
	// of a project know of.
	for _, p := range doc.all("profiles", "profile") {
		named := slices.ContainsFunc(doc.all("activeProfiles", "activeProfile"), func(e *element) bool { return e.word() == p.word("id") })
		if !named && p.word("activation", "activeByDefault") != "true" {
			continue
		}
		for _, e := range p.all("repositories", "repository") {
			s.repositories = append(s.repositories, place(e))
		}
		for _, e := range p.all("pluginRepositories", "pluginRepository") {
			s.plugins = append(s.plugins, place(e))
		}
	}
	return s, nil
}

func place(e *element) mavenPlace { return mavenPlace{e.word("id"), e.word("url")} }

// places are the repositories, and Maven's own, which has no URL here, where none of its
// name is among them.
func (s *mavenSettings) places() (all []mavenPlace) {
	for _, list := range [][]mavenPlace{s.repositories, s.plugins} {
		if !slices.ContainsFunc(list, func(p mavenPlace) bool { return p.id == "central" }) {
			all = append(all, mavenPlace{id: "central"})
		}
		all = append(all, list...)
	}
	return all
}

// mirror is what is in the place of a repository: the first one for its name alone, or
// the first one that is for it.
func (s *mavenSettings) mirror(p mavenPlace) (mavenMirror, bool) {
	for _, is := range []func(mavenMirror) bool{
		func(m mavenMirror) bool { return m.of == p.id },
		func(m mavenMirror) bool { return m.isFor(p) },
	} {
		if i := slices.IndexFunc(s.mirrors, is); i >= 0 {
			return s.mirrors[i], true
		}
	}
	return mavenMirror{}, false
}

// isFor tells whether the mirror is in the place of a repository:
// https://maven.apache.org/guides/mini/guide-mirror-settings.html.
func (m mavenMirror) isFor(p mavenPlace) bool {
	is := false
	for _, pattern := range strings.Split(m.of, ",") {
		switch pattern = strings.TrimSpace(pattern); {
		case pattern == "!"+p.id:
			return false
		case pattern == p.id || pattern == "*", pattern == "external:*":
			is = true
		case pattern == "external:http:*":
			is = is || strings.HasPrefix(p.url, "http:")
		}
	}
	return is
}

// interpolate puts in what Maven does: variables of the environment, and the home.
func (a *Asker) interpolate(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		b.WriteString(before)
		if !ok || !closed {
			return b.String()
		}
		if variable, ok := strings.CutPrefix(name, "env."); ok {
			b.WriteString(a.Getenv(variable))
		}
		text = after
	}
}
