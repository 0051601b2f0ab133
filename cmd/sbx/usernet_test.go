package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"golang.org/x/sys/unix"
)

// inTheWorld runs sbx run in a world with a name server at an address, or none at "-".
// What comes before sbx is run there.
func inTheWorld(t *testing.T, resolver string, before []string, args ...string) (string, int) {
	t.Helper()
	cmd := worldCommand(t, resolver, before, args...)
	out, err := cmd.CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), 0
}

func worldCommand(t *testing.T, resolver string, before []string, args ...string) *exec.Cmd {
	t.Helper()
	s := &scene{t: t, vars: map[string]string{"WORLD": needWorld(t)}}
	argv := append(s.expand(worldWrap(resolver, worldPort, "the world")), before...)
	argv = append(append(argv, tool(t, "sbx"), "run"), args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = project(t)
	return cmd
}

// say is a shell line that prints what the world's server says at each address.
func say(hosts ...string) string {
	var lines []string
	for _, host := range hosts {
		lines = append(lines, fmt.Sprintf("printf '%s '; python3 -c 'import socket; print(socket.create_connection((%q, %s), 5).recv(100).decode().strip())'", host, host, worldPort))
	}
	return strings.Join(lines, "; ")
}

var userNetDrivers = []string{"pasta", "slirp4netns"}

// TestUserNetwork: with each driver the command reaches the whole network, by names
// too, which the host's own name server resolves, be it on its loopback.
func TestUserNetwork(t *testing.T) {
	for _, driver := range userNetDrivers {
		for _, resolver := range []string{"127.0.0.53", "203.0.113.53"} {
			t.Run(driver+"/"+resolver, func(t *testing.T) {
				out, code := inTheWorld(t, resolver, nil, "--net", "user", "--net-driver", driver, "--", "sh", "-c",
					say("203.0.113.5", "10.9.9.9", "2001:db8:1::5", "outside.example")+"; getent hosts inside.example || grep corp /etc/resolv.conf")
				want := "sbx: --net user: the command reaches the whole network, and sbx does not see where\n" +
					"203.0.113.5 the world\n10.9.9.9 the world\n2001:db8:1::5 the world\noutside.example the world\nsearch corp.example\n"
				if code != 0 || out != want {
					t.Errorf("exit code %d:\n%s", code, out)
				}
			})
		}
	}
}

// TestUserNetworkOwn: the sandbox's own addresses lead to itself.
func TestUserNetworkOwn(t *testing.T) {
	for _, driver := range userNetDrivers {
		out, code := inTheWorld(t, "-", nil, "-q", "--net", "user", "--net-driver", driver, "--", "python3", "-c", `
import socket
l = socket.create_server(("::", 9000), family=socket.AF_INET6, dualstack_ipv6=True)
for a in "127.0.0.1", "::1", "10.0.2.100", "fd00::100", "localhost":
    socket.create_connection((a, 9000), 5).close()
    print(a)
`)
		if code != 0 || out != "127.0.0.1\n::1\n10.0.2.100\nfd00::100\nlocalhost\n" {
			t.Errorf("%s: exit code %d:\n%s", driver, code, out)
		}
	}
}

// TestUserNetworkRoot: a root file system has the network too, and its resolv.conf. It
// is tried with one id and with many, where the command is another user.
func TestUserNetworkRoot(t *testing.T) {
	root := needDebian(t)
	needWorld(t)
	for _, driver := range userNetDrivers {
		out, code := inTheWorld(t, "127.0.0.53", nil, "-q", "--net", "user", "--net-driver", driver, "--userns", "single", "--rootfs", root, "--",
			"bash", "-c", "cat < /dev/tcp/203.0.113.5/"+worldPort)
		if code != 0 || out != "the world\n" {
			t.Errorf("%s: exit code %d:\n%s", driver, code, out)
		}
		cmd := exec.Command(tool(t, "sbx"), "run", "-q", "--net", "user", "--net-driver", driver, "--rootfs", root, "-u", "games", "--",
			"bash", "-c", "id -un; awk '$2 == \"00000000\" {print $1, $3}' /proc/net/route")
		cmd.Dir = project(t)
		b, err := cmd.CombinedOutput()
		if err != nil || string(b) != "games\ntap0 0202000A\n" {
			t.Errorf("%s: %v:\n%s", driver, err, b)
		}
	}
}

// TestUserNetworkDeny: what --deny names is closed too, and names are refused.
func TestUserNetworkDeny(t *testing.T) {
	for _, driver := range userNetDrivers {
		out, code := inTheWorld(t, "-", nil, "-q", "--net", "user", "--net-driver", driver, "--deny", "10.0.0.0/8", "--deny", "2001:db8:1::5", "--",
			"sh", "-c", "("+say("10.9.9.9", "2001:db8:1::5", "203.0.113.5")+") 2>&1 | grep -o -e 'Operation not permitted' -e '203.*'")
		if code != 0 || out != "Operation not permitted\nOperation not permitted\n203.0.113.5 the world\n" {
			t.Errorf("%s: exit code %d:\n%s", driver, code, out)
		}
	}
	for _, c := range []struct{ flags, want string }{
		{"--deny telemetry.example.com", "knows addresses alone"},
		{"--allow registry.example", "choose one"},
		{"--net-log log", "sbx sees nothing"},
		{"--net-learn", "another network"},
		{"--proxy-env", "needs no proxy"},
		{"--cap-add NET_ADMIN", "CAP_NET_ADMIN"},
		{"--cap-add NET_RAW", "CAP_NET_RAW"},
		{"--cap-add SYS_ADMIN", "CAP_SYS_ADMIN"},
		{"--allow-userns --rootfs /", "root of the sandbox"},
	} {
		out, code := inTheWorld(t, "-", nil, append([]string{"-q", "--net", "user"}, append(strings.Fields(c.flags), "--", "true")...)...)
		if code != exitFailed || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d:\n%s", c.flags, code, out)
		}
	}
}

// TestUserNetworkPublished: ports of the sandbox are published beside it.
func TestUserNetworkPublished(t *testing.T) {
	for _, driver := range userNetDrivers {
		serve := "import socket; l = socket.create_server(('127.0.0.1', 9000)); print('ready', flush=True); c, _ = l.accept(); c.sendall(b'from inside')"
		script := `"$@" > out & until grep -q ready out 2> /dev/null; do sleep 0.05; done; ` +
			`python3 -c "import socket; print(socket.create_connection(('127.0.0.1', 7000), 5).recv(100).decode())"; wait`
		out, code := inTheWorld(t, "-", []string{"sh", "-c", script, "sh"}, "-q", "--net", "user", "--net-driver", driver, "-p", "7000:9000", "--", "python3", "-c", serve)
		if code != 0 || out != "from inside\n" {
			t.Errorf("%s: exit code %d:\n%s", driver, code, out)
		}
	}
}

// TestNetworkReceipt: a receipt says which network there was.
func TestNetworkReceipt(t *testing.T) {
	for _, c := range []struct{ flags, net, driver string }{
		{"--net user", "user", "pasta"}, {"--net user --net-driver slirp4netns", "user", "slirp4netns"}, {"--net host", "host", ""}, {"--net allow", "allow", ""}, {"", "none", ""},
	} {
		out, code := inTheWorld(t, "-", nil, append(append([]string{"-q", "--receipt", "-"}, strings.Fields(c.flags)...), "--", "true")...)
		var got struct{ Net, NetDriver string }
		if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 || got.Net != c.net || got.NetDriver != c.driver {
			t.Errorf("%q: %v: exit code %d, %+v", c.flags, err, code, got)
		}
	}
}

// TestUserNetworkCannotBe: without a driver, a device or a route the run stops, with what
// mends it.
func TestUserNetworkCannotBe(t *testing.T) {
	needWorld(t)
	testenv.Adopt(t)
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.WriteFile(closed, nil, 0); err != nil {
		t.Fatal(err)
	}
	ids := fmt.Sprintf("exec unshare --user --map-user=%d --map-group=%d \"$@\"", os.Getuid(), os.Getgid())
	hide := func(lines string) []string {
		return []string{"unshare", "--user", "--map-root-user", "--mount", "--net", "sh", "-c", lines + ids, "sh"}
	}
	for _, c := range []struct {
		name, flags, want, hint string
		before                  []string
	}{
		{"no driver", "", "neither pasta nor slirp4netns is installed", "install passt",
			hide("mount --bind /dev/null $(readlink -f /usr/bin/pasta) && mount --bind /dev/null /usr/bin/slirp4netns && ")},
		{"no pasta", "--net-driver pasta", "pasta is not installed", "install passt", hide("mount --bind /dev/null $(readlink -f /usr/bin/pasta) && ")},
		{"no slirp4netns", "--net-driver slirp4netns", "slirp4netns is not installed", "install slirp4netns", hide("mount --bind /dev/null /usr/bin/slirp4netns && ")},
		{"a closed device", "", "/dev/net/tun: permission denied", "as root: chmod 0666 /dev/net/tun", hide("mount --bind " + closed + " /dev/net/tun && ")},
		{"no device", "", "/dev/net/tun: no such file or directory", "as root: modprobe tun", hide("mount -t tmpfs tmpfs /dev/net && ")},
		{"no route", "--net-driver pasta", "pasta serves no network: ", "--net-driver slirp4netns", hide("ip link set lo up && ")},
		{"a driver that breaks", "--net-driver slirp4netns", "slirp4netns serves no network: ", "", hide("mount --bind /bin/false /usr/bin/slirp4netns && ")},
	} {
		t.Run(c.name, func(t *testing.T) {
			argv := append(append(c.before, tool(t, "sbx"), "run", "-q", "--net", "user"), append(strings.Fields(c.flags), "--", "echo", "it runs")...)
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Dir = project(t)
			out, err := cmd.CombinedOutput()
			exit, ok := err.(*exec.ExitError)
			if !ok || exit.ExitCode() != exitFailed || !strings.Contains(string(out), c.want) || !strings.Contains(string(out), c.hint) || strings.Contains(string(out), "it runs") {
				t.Errorf("%v:\n%s", err, out)
			}
		})
	}
	testenv.DescendantsGone(t, "tap0")
}

// TestUserNetworkSIGPIPE: who ignores the signal, as services of systemd do, gets pasta
// all the same.
func TestUserNetworkSIGPIPE(t *testing.T) {
	out, code := inTheWorld(t, "-", []string{"sh", "-c", `trap "" PIPE; exec "$@"`, "sh"},
		"-q", "--net", "user", "--net-driver", "pasta", "--", "sh", "-c", say("203.0.113.5"))
	if code != 0 || out != "203.0.113.5 the world\n" {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// helpersOf lists the drivers' programs with their process ids, of which there may be
// some of others.
func helpersOf(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, mark := range []string{"--ns-ifname tap0", "--disable-host-loopback"} {
		for _, p := range testenv.Processes(t, mark) {
			if !strings.Contains(p, "unshare") {
				found[p] = true
			}
		}
	}
	return found
}

// TestUserNetworkDriver: the program sees nothing of the caller's, and when it is killed
// that is said. When the command ends it is gone at once.
func TestUserNetworkDriver(t *testing.T) {
	for _, driver := range userNetDrivers {
		t.Run(driver, func(t *testing.T) {
			t.Setenv("TOKEN", marker)
			secret, err := os.Open("/etc/passwd")
			if err != nil {
				t.Fatal(err)
			}
			defer secret.Close()
			before := helpersOf(t)
			cmd := worldCommand(t, "-", nil, "--net", "user", "--net-driver", driver, "--", "sh", "-c", "echo ready; read line; true")
			cmd.ExtraFiles = []*os.File{secret}
			var said strings.Builder
			cmd.Stderr = &said
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 16)); err != nil {
				t.Fatalf("%v: %s", err, said.String())
			}
			n, killed := 0, ""
			for p := range helpersOf(t) {
				if before[p] {
					continue
				}
				n++
				pid, _, _ := strings.Cut(p, " ")
				// pasta's memory is closed, also to us; the other's is not.
				if env, err := os.ReadFile("/proc/" + pid + "/environ"); err == nil && strings.ReplaceAll(string(env), "\x00", "\n") != "PATH=/usr/bin:/bin\n" {
					t.Errorf("its environment is %q", env)
				}
				fds, _ := os.ReadDir("/proc/" + pid + "/fd")
				for _, fd := range fds {
					if to, _ := os.Readlink("/proc/" + pid + "/fd/" + fd.Name()); to == "/etc/passwd" {
						t.Errorf("it has the caller's descriptor %s", fd.Name())
					}
				}
				killed = "/proc/" + pid
				var number int
				if _, err := fmt.Sscan(pid, &number); err != nil {
					t.Fatal(err)
				}
				if err := unix.Kill(number, unix.SIGKILL); err != nil {
					t.Errorf("kill %s: %v", p, err)
				}
			}
			if n != 1 {
				t.Errorf("%d programs serve it", n)
			}
			for range 250 { // until sbx has taken note of it
				if _, err := os.Stat(killed); err != nil {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			time.Sleep(500 * time.Millisecond)
			in.Close()
			if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), driver+" ended before the command") {
				t.Errorf("%v: %s", err, said.String())
			}
		})
	}
}

// TestKilledWithUserNetwork kills sbx with SIGKILL, before, while and after the network
// is made. No program of a driver is left.
func TestKilledWithUserNetwork(t *testing.T) {
	sbx, world := tool(t, "sbx"), needWorld(t)
	dir := project(t)
	for _, driver := range userNetDrivers {
		t.Run(driver, func(t *testing.T) {
			before := helpersOf(t)
			seen := 0
			for i := range 60 {
				s := &scene{t: t, vars: map[string]string{"WORLD": world}}
				argv := append(s.expand(worldWrap("-", worldPort, "-")), "sh", "-c", `echo $$; exec "$@"`, "sh",
					sbx, "run", "-q", "--net", "user", "--net-driver", driver, "--", "sh", "-c", "echo ready; exec sleep 86397")
				cmd := exec.Command(argv[0], argv[1:]...)
				cmd.Dir = dir
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				var pid int
				if _, err := fmt.Fscan(out, &pid); err != nil {
					t.Fatal(err)
				}
				switch i % 3 {
				case 0: // when all is made
					var word string
					if _, err := fmt.Fscan(out, &word); err != nil {
						t.Fatal(err)
					}
					if len(helpersOf(t)) > len(before) {
						seen++
					}
				case 1:
					time.Sleep(rand.N(20 * time.Millisecond))
				case 2:
					time.Sleep(rand.N(120 * time.Millisecond))
				}
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait() // it was killed
			}
			if seen != 20 {
				t.Errorf("a program was seen %d times of 20", seen)
			}
			gone(t, "sleep 86397")
			for range 1000 {
				if len(helpersOf(t)) <= len(before) {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			t.Errorf("left behind: %v, and before there were %v", helpersOf(t), before)
		})
	}
}
