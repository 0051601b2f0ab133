package hosts

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// mavenSettings is what of settings.xml(https://maven.apache.org/settings.html) says
// where artifacts are from.
type mavenSettings struct {
	Mirrors  []mavenMirror `xml:"mirrors>mirror"`
	Profiles []struct {
		ID           string       `xml:"id"`
		Active       bool         `xml:"activation>activeByDefault"`
		Repositories []mavenPlace `xml:"repositories>repository"`
		Plugins      []mavenPlace `xml:"pluginRepositories>pluginRepository"`
	} `xml:"profiles>profile"`
	Active []string `xml:"activeProfiles>activeProfile"`
}

type mavenMirror struct {
	mavenPlace
	Of      string `xml:"mirrorOf"`
	Blocked bool   `xml:"blocked"`
}

type mavenPlace struct {
	ID  string `xml:"id"`
	URL string `xml:"url"`
}

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
		all.Mirrors, all.Profiles, all.Active = append(all.Mirrors, s.Mirrors...), append(all.Profiles, s.Profiles...), append(all.Active, s.Active...)
		for _, m := range s.Mirrors {
			from[m.URL] = fmt.Sprintf("%s: mirror %s", file, m.ID)
		}
		for _, p := range s.places() {
			from[p.URL] = cmp.Or(from[p.URL], fmt.Sprintf("%s: repository %s", file, p.ID))
		}
	}
	for _, p := range all.places() {
		if m, ok := all.mirror(p); ok {
			p = m.mavenPlace
			if m.Blocked {
				r.note("%s is for a repository that it blocks", from[p.URL])
				continue
			}
		}
		if p.URL == "" {
			err = errors.Join(err, r.besides("central"))
			continue
		}
		a.add(&r, a.interpolate(p.URL), from[p.URL])
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
		if program, err = filepath.EvalSymlinks(program); err == nil {
			return filepath.Dir(filepath.Dir(program)), true
		}
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
	if err == nil && xml.Unmarshal(text, &s) != nil {
		err = fmt.Errorf("%s: it is no XML of Maven's settings", file)
	}
	return s, err
}

// places are the repositories of the profiles that are on, and Maven's own, which has no
// URL here, where none of its name is among them. A profile that is on by default is off
// where another one is named, which the parts of a project know of.
func (s *mavenSettings) places() []mavenPlace {
	repositories, plugins := []mavenPlace{}, []mavenPlace{}
	for _, p := range s.Profiles {
		if p.Active || slices.Contains(s.Active, p.ID) {
			repositories, plugins = append(repositories, p.Repositories...), append(plugins, p.Plugins...)
		}
	}
	for _, list := range []*[]mavenPlace{&repositories, &plugins} {
		if !slices.ContainsFunc(*list, func(p mavenPlace) bool { return p.ID == "central" }) {
			*list = append(*list, mavenPlace{ID: "central"})
		}
	}
	return append(repositories, plugins...)
}

// mirror is what is in the place of a repository: the first one for its name alone, or
// the first one that is for it.
func (s *mavenSettings) mirror(p mavenPlace) (mavenMirror, bool) {
	for _, is := range []func(mavenMirror) bool{
		func(m mavenMirror) bool { return m.Of == p.ID },
		func(m mavenMirror) bool { return m.isFor(p) },
	} {
		if i := slices.IndexFunc(s.Mirrors, is); i >= 0 {
			return s.Mirrors[i], true
		}
	}
	return mavenMirror{}, false
}

// isFor tells whether the mirror is in the place of a repository:
// https://maven.apache.org/guides/mini/guide-mirror-settings.html.
func (m mavenMirror) isFor(p mavenPlace) bool {
	is := false
	for _, pattern := range strings.Split(m.Of, ",") {
		switch pattern = strings.TrimSpace(pattern); {
		case pattern == "!"+p.ID:
			return false
		case pattern == p.ID || pattern == "*", pattern == "external:*":
			is = true
		case pattern == "external:http:*":
			is = is || strings.HasPrefix(p.URL, "http:")
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
