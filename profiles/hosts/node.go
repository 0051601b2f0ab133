package hosts

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// askNPM takes the registry, and those of scopes. Each has a command of its own that
// prints it; one that prints all of them takes a third of the time.
func askNPM(a *Asker) (r answer, err error) {
	out, err := a.Run("npm", "config", "list", "--json")
	if err != nil {
		return r, err
	}
	var config map[string]any
	if err := json.Unmarshal(out, &config); err != nil {
		return r, errors.New("npm config list --json: it prints no JSON")
	}
	for _, name := range []string{"userconfig", "globalconfig"} {
		file, _ := config[name].(string)
		if file == "" {
			continue
		}
		if a.Leads != nil && a.Leads(file) {
			return r, fmt.Errorf("npm config get %s: %s is what a sandbox can write", name, file)
		}
		r.files = append(r.files, file)
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(config)), func(name string) bool {
		return name != "registry" && !strings.HasSuffix(name, ":registry")
	})
	slices.SortStableFunc(names, func(x, y string) int { return len(x) - len(y) }) // the main one first
	for _, name := range names {
		url, _ := config[name].(string)
		a.add(&r, url, "npm config get "+name)
	}
	return r, nil
}

// askYarn asks for the setting by its name in version 1, and then by its later one.
func askYarn(a *Asker) (r answer, err error) {
	for _, name := range []string{"registry", "npmRegistryServer"} {
		if r, err = askForURL(a, "yarn", "config", "get", name); len(r.hosts) > 0 || errors.Is(err, ErrNotInstalled) {
			return r, err
		}
	}
	return r, err
}

// askPNPM takes the registry. It reads the file in which npm has those of scopes.
func askPNPM(a *Asker) (answer, error) { return askForURL(a, "pnpm", "config", "get", "registry") }

func askForURL(a *Asker, program string, args ...string) (r answer, err error) {
	out, err := a.Run(program, args...)
	if err == nil {
		a.add(&r, string(out), fmt.Sprint(program, " ", strings.Join(args, " ")))
	}
	return r, err
}
