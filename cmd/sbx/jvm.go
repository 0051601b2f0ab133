package main

import (
	"os"
	"slices"
	"strings"

	"github.com/sbxrun/sbx/profiles"
)

const jvmOptions = "JAVA_TOOL_OPTIONS"

// jvmEnv turns container detection off in JVMs, where it fails. A JVM of Java 11 to 17 looks
// for its memory cgroup in /proc/self/mountinfo. In a cgroup namespace below the root of
// cgroup v1 the host's mounts have a root outside of the namespace (/../..), and it ends with a
// NullPointerException (JDK CgroupV1SubsystemController.setPath). The host's mounts cannot be
// unmounted: they are locked (mount_namespaces(7)).
func (f *runFlags) jvmEnv(env []string) []string {
	passes := slices.ContainsFunc(f.profile.Env.Pass, func(v profiles.Value) bool { return v.Text == jvmOptions })
	if !passes || f.image != nil || f.Rootfs != "" || len(f.Layer) > 0 {
		return env
	}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil || !belowV1Root(string(text)) {
		return env
	}
	const off = "-XX:-UseContainerSupport"
	for i, e := range env {
		if value, ok := strings.CutPrefix(e, jvmOptions+"="); ok {
			if !strings.Contains(value, "UseContainerSupport") {
				env[i] = e + " " + off
			}
			return env
		}
	}
	return append(env, jvmOptions+"="+off)
}

// belowV1Root tells whether a controller of cgroup v1 has this process below its root
// (cgroups(7)).
func belowV1Root(cgroups string) bool {
	for line := range strings.Lines(cgroups) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) == 3 && fields[1] != "" && fields[2] != "/" {
			return true
		}
	}
	return false
}
