package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A listing is what testdata/manifest says of each path.
type listing map[string]string

// TestImagesAreWhatOthersSee: to the last attribute, an image in sbx is what umoci
// unpacks and podman mounts, with subordinate ids and without.
func TestImagesAreWhatOthersSee(t *testing.T) {
	r := needRegistry(t)
	for _, image := range imagesMade {
		t.Run(image, func(t *testing.T) {
			newStore(t)
			mine := viewBySbx(t, exec.Command, r.host+"/"+image)
			viewByUmoci(t, r, image).same(t, "umoci", mine)
			// Podman makes a directory of a link that is in a layer below, where umoci
			// and sbx follow it, and takes long for 50,000 files.
			if image != "way" && image != "many" {
				viewByPodman(t, r, image).same(t, "podman", mine.withoutDirectoryTimes())
			}
		})
		if image == "many" {
			continue
		}
		t.Run(image+" without ids", func(t *testing.T) {
			newStore(t)
			viewByRootless(t, r, image).same(t, "umoci --rootless", viewBySbx(t, asOne, r.host+"/"+image))
		})
	}
}

// TestFormsOfAnImage: however an image is kept or sent, it is the same in the sandbox.
func TestFormsOfAnImage(t *testing.T) {
	r := needRegistry(t)
	newStore(t)
	dir, ref := t.TempDir(), r.host+"/whiteouts"
	if err := sequence(
		func() error {
			return r.as(exec.Command("skopeo", "copy", "-q", "oci:layout:whiteouts", "oci-archive:"+dir+"/oci.tar:one"))
		},
		func() error {
			return r.as(exec.Command("skopeo", "copy", "-q", "oci:layout:whiteouts", "docker-archive:"+dir+"/docker.tar:two:2"))
		},
		func() error { return r.as(r.podman("pull", "-q", "--tls-verify=false", ref)) },
		func() error { return r.as(r.podman("save", "-q", "-o", dir+"/podman.tar", ref)) },
		func() error {
			return r.as(r.podman("save", "-q", "--format", "oci-archive", "-o", dir+"/podman-oci.tar", ref))
		},
	); err != nil {
		t.Fatal(err)
	}
	want := viewBySbx(t, exec.Command, ref)
	for _, form := range []string{r.host + "/docker", r.host + "/zstd", "oci:" + r.dir + "/images/layout:whiteouts", "oci-archive:" + dir + "/oci.tar:one",
		"docker-archive:" + dir + "/docker.tar", "docker-archive:" + dir + "/podman.tar", "oci-archive:" + dir + "/podman-oci.tar"} {
		want.same(t, form, viewBySbx(t, exec.Command, form))
	}
	for platform, arch := range map[string]string{"linux/amd64": "amd64", "linux/arm64": "arm64"} {
		out, err := exec.Command(tool(t, "sbx"), "run", "-q", "--no-project", "--pull", "always", "--platform", platform, "--image", r.host+"/index", "--", "/bin/sh", "-c", "echo $ARCH").CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != arch {
			t.Errorf("%s: %v: %s", platform, err, out)
		}
	}
	out, err := exec.Command(tool(t, "sbx"), "pull", "--platform", "linux/s390x", r.host+"/index").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no image for linux/s390x") {
		t.Errorf("%v: %s", err, out)
	}
}

// newStore gives the test a store and a home of its own, which go away whoever owns
// what is in them.
func newStore(t testing.TB) (data string) {
	t.Helper()
	home := t.TempDir()
	data = home + "/data"
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", data)
	t.Cleanup(func() {
		if out, err := rootOfIDs("rm", "-rf", data).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return data
}

// asOne is exec.Command for one who has no subordinate ids.
func asOne(name string, args ...string) *exec.Cmd {
	return withoutIDs(append([]string{name}, args...)...)
}

// atSandbox are the places where sbx mounts something of its own, in an image too.
var atSandbox = []string{"dev", "proc", "sys", "etc/hosts", "etc/hostname", "etc/resolv.conf"}

func viewBySbx(t *testing.T, command func(string, ...string) *exec.Cmd, image string) listing {
	t.Helper()
	cmd := command(tool(t, "sbx"), "run", "-q", "--no-project", "--image", image, "--entrypoint", "",
		"-v", tool(t, "manifest")+":/dev/manifest:ro", "--", "/dev/manifest", "/")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", image, err, complaint.String())
	}
	return readListing(t, string(out))
}

func viewByUmoci(t *testing.T, r registry, image string) listing {
	t.Helper()
	return r.list(t, rootOfIDs("sh", "-c", `umoci unpack --image "layout:$1" bundle && "$0" bundle/rootfs; code=$?; rm -rf bundle; exit $code`, tool(t, "manifest"), image))
}

func viewByRootless(t *testing.T, r registry, image string) listing {
	t.Helper()
	return r.list(t, exec.Command("unshare", "--user", "--map-root-user", "--", "sh", "-c",
		`umoci unpack --rootless --image "layout:$1" bundle && "$0" bundle/rootfs; code=$?; chmod -R u+rwX bundle; rm -rf bundle; exit $code`, tool(t, "manifest"), image))
}

func viewByPodman(t *testing.T, r registry, image string) listing {
	t.Helper()
	if err := r.as(r.podman("pull", "-q", "--tls-verify=false", r.host+"/"+image)); err != nil {
		t.Fatal(err)
	}
	// The mount is of podman's own namespace and goes away with it.
	mount := r.podman("image", "mount", r.host+"/"+image).Args
	return r.list(t, r.podman(append([]string{"unshare", "sh", "-c", `root=$("$@") && "$0" "$root"`, tool(t, "manifest")}, mount...)...)).withoutDirectoryTimes()
}

func (r *registry) list(t *testing.T, cmd *exec.Cmd) listing {
	t.Helper()
	out, err := r.output(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return readListing(t, out)
}

func readListing(t *testing.T, lines string) listing {
	t.Helper()
	l := listing{}
	for line := range strings.Lines(lines) {
		path, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " mode=")
		if path = strings.Trim(path, `"`); !ok || l[path] != "" {
			t.Fatalf("the manifest says %q", line)
		}
		l[path] = "mode=" + rest
	}
	if len(l) < 4 {
		t.Fatalf("the manifest has %d lines", len(l))
	}
	for path := range l {
		for _, made := range atSandbox {
			if path == made || strings.HasPrefix(path, made+"/") {
				delete(l, path)
			}
		}
	}
	// Where these places are made, the directory that they are in gets another time.
	for _, path := range []string{".", "etc"} {
		l[path] = times.ReplaceAllString(l[path], "")
	}
	for path := range l {
		l[path] = owners.ReplaceAllStringFunc(l[path], oneOwner)
	}
	return l
}

var (
	times  = regexp.MustCompile(` mtime=[0-9.-]+`)
	owners = regexp.MustCompile(`"user\.(sbx\.owner|rootlesscontainers)":([0-9a-f]*)`)
)

// oneOwner reads the two attributes in which sbx, and umoci --rootless, keep an owner
// that could not be given. Umoci's has two numbers, marked 8 and 16.
func oneOwner(attribute string) string {
	part := owners.FindStringSubmatch(attribute)
	value, err := hex.DecodeString(part[2])
	if err != nil {
		return attribute
	}
	if part[1] == "sbx.owner" {
		return "owner=" + string(value)
	}
	var id [2]uint64
	for len(value) > 1 {
		n, length := binary.Uvarint(value[1:])
		if value[0] != 8 && value[0] != 16 || length < 1 {
			return attribute
		}
		id[value[0]/16], value = n, value[1+length:]
	}
	for i := range id {
		if id[i] == math.MaxUint32 { // it says nothing of that one
			id[i] = 0
		}
	}
	return fmt.Sprintf("owner=%d:%d", id[0], id[1])
}

// withoutDirectoryTimes is for podman, under which whiteouts change them.
func (l listing) withoutDirectoryTimes() listing {
	changed := listing{}
	for path, line := range l {
		if strings.HasPrefix(line, "mode=4") {
			line = times.ReplaceAllString(line, "")
		}
		changed[path] = line
	}
	return changed
}

// same compares with what the other has, which is wanted.
func (l listing) same(t *testing.T, other string, got listing) {
	t.Helper()
	var wrong []string
	for path, line := range l {
		if got[path] != line {
			wrong = append(wrong, fmt.Sprintf("%s\n\tsbx  %s\n\t%s  %s", path, got[path], other, line))
		}
	}
	for path, line := range got {
		if l[path] == "" {
			wrong = append(wrong, fmt.Sprintf("%s\n\tonly sbx has it: %s", path, line))
		}
	}
	if wrong != nil {
		slices.Sort(wrong)
		t.Errorf("%d of %d paths differ from %s:\n%s", len(wrong), len(l), other, strings.Join(wrong[:min(20, len(wrong))], "\n"))
	}
}
