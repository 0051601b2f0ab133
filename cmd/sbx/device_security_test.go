package main

import "os"

// givenDeviceRows are what --device does not give away.
var givenDeviceRows = []row{
	{id: "device-given-others", group: "devices", tries: "open another device where one is given", views: both, flags: []string{"--device", "/dev/fuse:/dev/given/zero"},
		cmd: []string{"{ATTACKS}", "devices", "/dev", "/tmp"}},
	{id: "device-given-read-only", group: "devices", tries: "write to a device that is given read-only", views: hostOnly, flags: []string{"--device", "/dev/fuse:ro"},
		cmd: []string{"{ATTACKS}", "open-write", "/dev/fuse"}},
	{id: "device-given-moved", group: "devices", tries: "write to it by another name", views: hostOnly, flags: []string{"--device", "/dev/fuse:ro"},
		cmd: []string{"sh", "-c", "ln /dev/fuse /dev/f; ln /dev/fuse /tmp/f; ln -s /dev/fuse /tmp/g; mv /dev/fuse /tmp/h; exec {ATTACKS} open-write /dev/f /tmp/f /tmp/g /tmp/h /dev/fuse /proc/self/root/dev/fuse"}},
	{id: "device-given-terminal", group: "devices", tries: "have the caller's terminal as a device", views: both, flags: []string{"--device", "/dev/tty"}, refusal: 125,
		cmd: []string{"{ATTACKS}", "devices", "/dev"}},
	{id: "device-given-directory", group: "devices", tries: "have every device of the host", views: both, flags: []string{"--device", "/dev/../dev"}, refusal: 125,
		cmd: []string{"{ATTACKS}", "devices", "/dev"}},
	{id: "device-given-link", group: "devices", tries: "have another device by a link of the project's", views: both, setup: func(s *scene) { s.check(os.Symlink("/dev/fuse", s.path("{PROJECT}/zero"))) },
		flags: []string{"--device", "{PROJECT}/zero"}, refusal: 125, cmd: []string{"{ATTACKS}", "open-write", "/dev/fuse"}},
	{id: "device-volume", group: "devices", tries: "open a device of a directory that is shown", views: both, flags: []string{"-v", "/dev/net:/dev/net"},
		cmd: []string{"{ATTACKS}", "open-write", "/dev/net/tun"}},
}
