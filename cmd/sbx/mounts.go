package main

import (
	"encoding/csv"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/amount"
)

// volumeMode reads the options of -v. Those that say how docker shares or labels a mount are
// taken: a mount of a sandbox is private, and its labels are those of --security-opt.
func volumeMode(list string) (mode string, known bool) {
	mode = "rw"
	for _, word := range strings.Split(list, ",") {
		switch word {
		case "ro", "rw":
			mode = word
		case "z", "Z", "cached", "delegated", "consistent", "nocopy", "private", "rprivate":
		default:
			return "", false
		}
	}
	return mode, true
}

// mountOption is one key of --mount, as docker reads it.
type mountOption struct{ key, value string }

// parseMount reads type=bind|tmpfs|volume,KEY=VALUE,... as a line of CSV, so that a value
// with a comma can be quoted.
func parseMount(line string) (kind string, options []mountOption, err error) {
	fields, err := csv.NewReader(strings.NewReader(line)).Read()
	if err != nil {
		return "", nil, fmt.Errorf("--mount %q: want type=bind|tmpfs|volume,src=SRC,dst=DST[,ro]", line)
	}
	kind = "volume"
	for _, field := range fields {
		key, value, set := strings.Cut(field, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !set && key != "ro" && key != "readonly" && key != "rw" && key != "volume-nocopy" && key != "bind-nonrecursive" {
			return "", nil, fmt.Errorf("--mount %q: %s needs a value", line, key)
		}
		if key == "type" {
			kind = strings.ToLower(value)
			continue
		}
		options = append(options, mountOption{key, value})
	}
	return kind, options, nil
}

// addMounts adds the mounts of --mount.
func (f *runFlags) addMounts(s *sandbox.Spec) error {
	for _, line := range texts(f.Mount) {
		kind, options, err := parseMount(line)
		if err != nil {
			return err
		}
		m, err := f.mountOf(s, kind, options)
		if err != nil {
			return fmt.Errorf("--mount %q: %w", line, err)
		}
		s.OCI.Mounts = append(s.OCI.Mounts, m)
	}
	return nil
}

func (f *runFlags) mountOf(s *sandbox.Spec, kind string, options []mountOption) (m specs.Mount, err error) {
	if !slices.Contains([]string{"bind", "tmpfs", "volume"}, kind) {
		return m, fmt.Errorf("type %q is not known; want bind, tmpfs or volume", kind)
	}
	source, destination, mode, size, permissions, recursive := "", "", "rw", "", "1777", true
	for _, o := range options {
		switch key := kind + " " + o.key; {
		case slices.Contains([]string{"dst", "destination", "target"}, o.key):
			destination = o.value
		case kind != "tmpfs" && (o.key == "src" || o.key == "source"):
			source = o.value
		case slices.Contains([]string{"ro", "readonly", "rw"}, o.key):
			on, err := strconv.ParseBool(o.value)
			if err != nil && o.value != "" {
				return m, fmt.Errorf("%s=%s: want true or false", o.key, o.value)
			}
			if on = on || o.value == ""; on == (o.key != "rw") {
				mode = "ro"
			} else {
				mode = "rw"
			}
		case key == "tmpfs tmpfs-size":
			size = o.value
		case key == "tmpfs tmpfs-mode":
			permissions = o.value
		case key == "bind bind-nonrecursive":
			recursive = o.value == "false"
		case key == "bind bind-propagation" && (o.value == "private" || o.value == "rprivate"), key == "bind consistency", key == "volume volume-nocopy",
			key == "bind z", key == "bind relabel":
		default:
			return m, fmt.Errorf("option %s is not known for type %s", o.key, kind)
		}
	}
	if destination == "" {
		return m, fmt.Errorf("want dst=PATH, where it is mounted")
	}
	switch kind {
	case "tmpfs":
		list := []string{mode, "mode=" + permissions}
		if size != "" {
			bytes, err := amount.Size(size)
			if err != nil {
				return m, fmt.Errorf("tmpfs-size=%s: want a size as 512m or 2g", size)
			}
			list = append(list, fmt.Sprintf("size=%d", bytes))
		}
		return tmpfs(destination + ":" + strings.Join(list, ","))
	case "volume":
		if !validVolume(source) {
			return m, hinted{fmt.Errorf("src=%s is not the name of a volume", source), "type=bind,src=DIR mounts a directory of the host"}
		}
		return f.volumeMount(s, source, destination, mode)
	}
	if source == "" {
		return m, fmt.Errorf("want src=PATH, a file or directory of the host")
	}
	source, err = filepath.Abs(source)
	if m = bind(source, destination, mode); !recursive {
		m.Options[0] = "bind"
	}
	return m, err
}

// addShm bounds /dev/shm.
func (f *runFlags) addShm(s *sandbox.Spec) error {
	if f.ShmSize == "" {
		return nil
	}
	bytes, err := amount.Size(string(f.ShmSize))
	if err != nil || bytes == 0 {
		return fmt.Errorf("--shm-size %q: want a size as 64m or 2g", f.ShmSize)
	}
	s.OCI.Mounts = append(s.OCI.Mounts, specs.Mount{
		Type: "tmpfs", Source: "shm", Destination: "/dev/shm", Options: []string{"nosuid", "nodev", "mode=1777", fmt.Sprintf("size=%d", bytes)},
	})
	return nil
}
