package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/userns"
)

// addProtection adds what the protection flags give up and ask for.
func addProtection(f *runFlags, s *sandbox.Spec) error {
	s.UserNS, s.Allow32Bit, s.NoTCP, s.AllowRoot = f.AllowUserns, f.AllowIa32, f.NoTcp, f.AllowRoot
	s.AllowRunLater, s.ReadOnlyProject, s.NoExecTmp = f.AllowRunLater, f.ReadOnlyProject, f.NoexecTmp
	s.CapAdd, s.CapDrop = capabilityNames(f.CapAdd), capabilityNames(f.CapDrop)
	s.Degraded = list(f.AllowDegraded)
	f.noteNested()
	for _, p := range texts(f.UnsafeExpose) {
		path, named, err := exposedPlace(p, s)
		if err != nil {
			return err
		}
		s.Exposed = append(s.Exposed, path)
		if named != path {
			s.Exposed, s.Named = append(s.Exposed, named), append(s.Named, named)
		}
		if path != s.Project && !strings.HasPrefix(path, s.Project+"/") {
			s.OCI.Mounts = append(s.OCI.Mounts, bind(path, path, "ro"))
		}
	}
	if err := addSecurityOptions(f, s); err != nil {
		return err
	}
	return addFilter(string(f.Seccomp), s)
}

// list takes the values of a flag that may be given several times, or once with
// commas.
func list(values []text) (out []string) {
	for _, v := range values {
		out = append(out, strings.Split(string(v), ",")...)
	}
	return out
}

// capabilityNames gives capabilities their OCI names: chown is CAP_CHOWN.
func capabilityNames(values []text) []string {
	names := list(values)
	for i, name := range names {
		names[i] = strings.ToUpper(name)
		if names[i] != "ALL" && !strings.HasPrefix(names[i], "CAP_") {
			names[i] = "CAP_" + names[i]
		}
	}
	return names
}

// addSecurityOptions reads --security-opt as docker does.
func addSecurityOptions(f *runFlags, s *sandbox.Spec) error {
	for _, option := range texts(f.SecurityOpt) {
		name, value, ok := strings.Cut(option, "=")
		if !ok {
			name, value, ok = strings.Cut(option, ":")
		}
		switch {
		case name == "label" && ok && value != "":
			s.Labels = append(s.Labels, value)
		case name == "apparmor" && ok && value != "":
			if value != "unconfined" {
				s.OCI.Process.ApparmorProfile = value
			}
		case name == "seccomp" && ok && f.Seccomp == "":
			f.Seccomp = text(value)
		case name == "no-new-privileges" && (!ok || value == "true"):
			// It always is so.
		default:
			return fmt.Errorf("--security-opt %q: want label=OPTION, apparmor=PROFILE or seccomp=FILE", option)
		}
	}
	return nil
}

// addSecrets reads --secret NAME[,env=VAR|file=PATH][,from=FILE].
func addSecrets(f *runFlags, s *sandbox.Spec) error {
	for _, given := range texts(f.Secret) {
		secret, err := newSecret(given)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(s.Secrets, func(other sandbox.Secret) bool { return other.Name == secret.Name }) {
			return fmt.Errorf("--secret %s is given twice", secret.Name)
		}
		s.Secrets = append(s.Secrets, secret)
		s.OCI.Process.Env = lastOfEach(s.OCI.Process.Env, []string{secret.Env})
	}
	return nil
}

// maxSecret bounds the size of a secret's file.
const maxSecret = 1 << 20

func newSecret(given string) (s sandbox.Secret, err error) {
	name, rest, _ := strings.Cut(given, ",")
	if !validName(name) {
		return s, fmt.Errorf("--secret %q: want NAME[,env=VAR|file=PATH][,from=FILE]", name)
	}
	s.Name = name
	from := ""
	for _, option := range strings.Split(rest, ",") {
		key, value, _ := strings.Cut(option, "=")
		switch {
		case option == "":
		case key == "env" && value != "":
			s.Env = value
		case key == "file":
			s.File = value
			if value == "" {
				s.File = "/run/secrets/" + name
			}
		case key == "from" && value != "":
			from = value
		default:
			return s, fmt.Errorf("--secret %s: option %q is not known: want env=VAR, file=PATH or from=FILE", name, key)
		}
	}
	if s.Env == "" && s.File == "" {
		s.Env = name
	}
	if from == "" {
		value, ok := os.LookupEnv(name)
		if !ok {
			return s, fmt.Errorf("--secret %s: there is no such variable, and no from=FILE", name)
		}
		s.Value = userns.Secret(value)
		return s, nil
	}
	b, err := readBounded(from, maxSecret)
	if err != nil {
		return s, fmt.Errorf("--secret %s: %w", name, err)
	}
	if s.Env != "" {
		b = bytes.TrimRight(b, "\r\n")
	}
	s.Value = userns.Secret(b)
	return s, nil
}

// readBounded reads a file of at most that size.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a FIFO without a writer would wait
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return b, err
}
