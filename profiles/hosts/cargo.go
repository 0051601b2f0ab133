package hosts

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// cargoConfig is what of cargo's configuration says where crates are from.
type cargoConfig struct {
	Source map[string]struct {
		ReplaceWith string `toml:"replace-with"`
		Registry    string `toml:"registry"`
		Git         string `toml:"git"`
	} `toml:"source"`
	Registries map[string]cargoRegistry `toml:"registries"`
}

type cargoRegistry struct {
	Index    string `toml:"index"`
	Protocol string `toml:"protocol"`
}

// askCargo reads the configuration in cargo's home, as cargo's command that would print
// it is not stable. Cargo reads those of all directories above the project as well; they
// may be parts of the repository that the project is in, and the sandbox has none.
func askCargo(a *Asker) (r answer, err error) {
	version, err := a.Run("cargo", "--version")
	if err != nil {
		return r, err
	}
	config, file, err := a.cargoConfig()
	if err != nil {
		return r, err
	}
	source, from, err := config.replaced(file)
	switch {
	case err != nil:
		return r, err
	case source == "" && config.Registries["crates-io"].Index == "" && (config.Registries["crates-io"].Protocol == "git" || before170(string(version))):
		err = r.besides("crates-io by git")
	case source == "" && config.Registries["crates-io"].Index == "":
		err = r.besides("crates-io")
	case source == "local":
		r.note("%s has crates replaced by ones of this machine: nothing is downloaded", from)
	case source != "":
		a.addCargo(&r, source, from)
	}
	for _, name := range slices.Sorted(maps.Keys(config.Registries)) {
		if index := config.Registries[name].Index; index != "" {
			a.addCargo(&r, index, file+": registries."+name)
		}
	}
	return r, err
}

// addCargo takes an index, which is sparse+URL or a repository of git. Where it has
// crates downloaded from it says itself, to who asks it.
func (a *Asker) addCargo(r *answer, index, from string) {
	a.add(r, strings.TrimPrefix(index, "sparse+"), from)
	r.note("%s is an index: name the host that it has crates downloaded from, where that is another one", from)
}

// cargoConfig reads config.toml, or config, which wins where both are there; and the
// registries that variables name.
func (a *Asker) cargoConfig() (c cargoConfig, file string, err error) {
	home := a.Getenv("CARGO_HOME")
	if home == "" {
		home = a.Home + "/.cargo"
	}
	for _, name := range []string{"/config", "/config.toml"} {
		file = home + name
		text, err := a.Read(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, file, err
		}
		if toml.Unmarshal(text, &c) != nil { // its error quotes lines, and tokens may be in them
			return c, file, fmt.Errorf("%s: it is not as cargo has it", file)
		}
		break
	}
	for _, e := range a.Environ {
		name, index, _ := strings.Cut(e, "=")
		name, is := strings.CutPrefix(name, "CARGO_REGISTRIES_")
		name, isIndex := strings.CutSuffix(name, "_INDEX")
		if is && isIndex && index != "" {
			c.setIndex(name, index)
		}
	}
	return c, file, nil
}

// setIndex is for a name as variables have it: in capitals, without dashes.
func (c *cargoConfig) setIndex(name, index string) {
	if c.Registries == nil {
		c.Registries = map[string]cargoRegistry{}
	}
	for known := range c.Registries {
		if strings.ToUpper(strings.ReplaceAll(known, "-", "_")) == name {
			name = known
		}
	}
	registry := c.Registries[name]
	registry.Index = index
	c.Registries[name] = registry
}

// replaced follows what is in the place of crates.io. It is nothing, "local", or the URL
// of an index.
func (c *cargoConfig) replaced(file string) (source, from string, err error) {
	name := "crates-io"
	for range 16 {
		s, ok := c.Source[name]
		from = fmt.Sprintf("%s: source.%s", file, name)
		switch {
		case s.ReplaceWith != "":
			name = s.ReplaceWith
		case name == "crates-io":
			return "", "", nil
		case s.Registry != "":
			return s.Registry, from, nil
		case s.Git != "":
			return s.Git, from, nil
		case !ok && c.Registries[name].Index != "":
			return c.Registries[name].Index, fmt.Sprintf("%s: registries.%s", file, name), nil
		case ok:
			return "local", from, nil
		default:
			return "", "", fmt.Errorf("%s: there is no source of the name that replaces crates-io", file)
		}
	}
	return "", "", fmt.Errorf("%s: sources replace each other in a circle", file)
}

// before170 reads "cargo 1.65.0". Since 1.70 the index is not got by git.
func before170(version string) bool {
	words := strings.Fields(version)
	if len(words) < 2 {
		return false
	}
	numbers := strings.SplitN(words[1], ".", 3)
	if len(numbers) < 2 || numbers[0] != "1" {
		return false
	}
	minor, err := strconv.Atoi(numbers[1])
	return err == nil && minor < 70
}
