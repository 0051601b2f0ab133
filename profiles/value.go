package profiles

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	amounts "github.com/sbxrun/sbx/sandbox/amount"
)

// wants says what the value of a key must look like.
func (k *key) wants() string {
	switch k.kind {
	case aText:
		return "a string"
	case aSwitch:
		return "true or false"
	case aChoice:
		return quotedOr(k.choices)
	case aDuration:
		return `a time, as in "90s", "10m" or "2h"`
	case anAmount:
		return `an amount, as in "2g", "1.5", "64" or "50%"`
	case processors:
		return `a list of processors, as in "0-3,7"`
	case aSize:
		return `a size, as in "512m" or "2g"`
	case assignments:
		return `a table of strings, as in { NAME = "value" }`
	case profileNames:
		return `a list of profiles, as in ["default"]`
	case commandNames:
		return `a list of commands, as in ["make"]`
	case globs:
		return `a list of names, as in ["CC", "LC_*"]`
	case hosts:
		return `a list of hosts, as in ["@npm", "example.org:443"]`
	case ports:
		return `a list of ports, as in ["8080"]`
	case limits:
		return `a list of limits, as in ["nofile=1024:4096"]`
	case devices:
		return `a list of disks, as in ["/dev/sda:wbps=10m"]`
	}
	return `a list of paths, as in ["~/tools"]`
}

func quotedOr(words []string) string {
	var q []string
	for _, w := range words {
		q = append(q, strconv.Quote(w))
	}
	return strings.Join(q, " or ")
}

// check judges one word.
func (k *key) check(text string) error {
	if !printable(text) {
		return fmt.Errorf("%s has characters that cannot be printed", quote(text))
	}
	switch k.kind {
	case aChoice:
		if k.tightness(text) == len(k.choices) {
			return fmt.Errorf("%s is not known, want %s%s", quote(text), k.wants(), meant(text, k.choices))
		}
	case aDuration:
		if d, err := time.ParseDuration(text); err != nil || d <= 0 {
			return fmt.Errorf("%s: want %s", quote(text), k.wants())
		}
	case aSize:
		if n, err := amounts.Size(text); err != nil || n == 0 {
			return fmt.Errorf("%s: want %s", quote(text), k.wants())
		}
	case profileNames:
		return checkName(text)
	case commandNames:
		if text == "" || strings.ContainsAny(text, "/ ") {
			return fmt.Errorf("%s is no name of a command: want it without its directory", quote(text))
		}
	case paths, certainPaths, projectPaths, keptPaths:
		return k.checkPath(text)
	case globs:
		if _, err := path.Match(text, ""); err != nil || text == "" || strings.Contains(text, "=") {
			return fmt.Errorf("%s is no name of a variable: want letters, digits and _, or *, ? and [a-z]", quote(text))
		}
	case hosts:
		return checkHost(text)
	case ports:
		if n, err := strconv.ParseUint(text, 10, 16); err != nil || n < 1024 {
			return fmt.Errorf("%s is no port: want 1024 to 65535", quote(text))
		}
	case limits:
		_, err := parseLimit(text)
		return err
	case anAmount:
		_, err := k.amount(text)
		return err
	case processors:
		_, err := amounts.Processors(text)
		return err
	case devices:
		_, err := amounts.ParseDevice(text)
		return err
	}
	return nil
}

// checkName judges the name of a profile. It becomes a file's, so that it has no
// slash and does not begin with a dot.
func checkName(name string) error {
	ok := name != "" && len(name) <= 64 && name[0] != '.' && name[0] != '-'
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.-", r))
	}
	if !ok {
		return fmt.Errorf("%s is no name of a profile: want letters, digits, '_', '.' and '-', 64 at most", quote(name))
	}
	return nil
}

func variableName(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// bases are what a path may begin with.
var bases = [...]string{"~", ".", "${XDG_CACHE_HOME}", "${XDG_CONFIG_HOME}", "${XDG_DATA_HOME}"}

// checkPath judges the form of a path. Nothing is looked up: a profile is read
// before anybody knows what is there.
func (k *key) checkPath(text string) error {
	p, optional := strings.CutSuffix(text, "?")
	base, rest, below := strings.Cut(p, "/")
	switch {
	case optional && k.kind != paths:
		return fmt.Errorf("%s: a path ending in ? is for show, write and expose", quote(text))
	case p == "" || len(p) >= maxLine:
		return fmt.Errorf("%s is no path", quote(text))
	case base == "" && path.Clean(p) == "/":
		return errors.New(`"/" is everything: name what is meant`)
	case strings.HasPrefix(base, "~") && base != "~":
		return fmt.Errorf("%s is in another user's home", quote(text))
	case slices.Contains(strings.Split(p, "/"), ".."):
		return fmt.Errorf("%s has .. in it: say the path without it", quote(text))
	case base != "" && !slices.Contains(bases[:], base):
		return fmt.Errorf("%s: want a path that begins with /, ~/, ./%s", quote(text), variableBases(base))
	case strings.Contains(rest, "${"):
		return fmt.Errorf("%s: a variable must come first", quote(text))
	case base == "." && path.Clean(p) == ".":
		return fmt.Errorf("%s is the project itself: say files.project", quote(text))
	case k.kind == keptPaths && (base == "" || base == "." || !below || path.Clean("/"+rest) == "/"):
		return fmt.Errorf("%s: what is kept must be below the home, as in ~/.cache/tool", quote(text))
	}
	return nil
}

// variableBases is the end of the error about what a path begins with.
func variableBases(base string) string {
	if strings.HasPrefix(base, "$") {
		return " or a variable of " + strings.Join(bases[2:], ", ") + meant(base, bases[2:])
	}
	return " or " + bases[2]
}

// CheckHostSet judges a word that is to stand for the hosts of an ecosystem.
func CheckHostSet(text string) error {
	if !slices.Contains(hostSets[:], text) {
		return fmt.Errorf("%s is not known, want one of %s%s", quote(text), strings.Join(hostSets[:], " "), meant(text, hostSets[:]))
	}
	return nil
}

// checkHost judges a host of the network, as name, *.name or name:port, or the
// name of a set.
func checkHost(text string) error {
	if strings.HasPrefix(text, "@") {
		return CheckHostSet(text)
	}
	host, port, hasPort := strings.Cut(text, ":")
	host = strings.TrimPrefix(host, "*.")
	ok := host != "" && len(host) <= 253
	for _, r := range host {
		ok = ok && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}
	if n, err := strconv.ParseUint(port, 10, 16); hasPort && (err != nil || n == 0) {
		ok = false
	}
	if !ok {
		return fmt.Errorf("%s is no host: want example.org, *.example.org or example.org:443, in small letters", quote(text))
	}
	return nil
}

// unlimited is no number that can be said, and above all that can.
const unlimited = ^uint64(0)

// A limit is NAME=SOFT[:HARD].
type limit struct {
	name       string
	soft, hard uint64
}

func parseLimit(text string) (l limit, err error) {
	name, value, ok := strings.Cut(text, "=")
	soft, hard, two := strings.Cut(value, ":")
	if !two {
		hard = soft
	}
	l.name = name
	if l.soft, err = parseAmount(soft); err == nil {
		l.hard, err = parseAmount(hard)
	}
	switch {
	case !ok || err != nil:
		return l, fmt.Errorf("%s: want NAME=SOFT[:HARD], as in nofile=1024:4096", quote(text))
	case name == "core":
		return l, errors.New("no core dumps are made: they hold the memory of a process")
	case !slices.Contains(resources[:], name):
		return l, fmt.Errorf("%s is not known, want one of %s%s", quote(name), strings.Join(resources[:], " "), meant(name, resources[:]))
	case l.soft > l.hard:
		return l, fmt.Errorf("%s: the soft limit is above the hard one", quote(text))
	}
	return l, nil
}

func parseAmount(text string) (uint64, error) {
	if text == "unlimited" {
		return unlimited, nil
	}
	return strconv.ParseUint(text, 10, 63)
}

func (l limit) String() string {
	return l.name + "=" + words(l.soft) + ":" + words(l.hard)
}

func words(n uint64) string {
	if n == unlimited {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}
