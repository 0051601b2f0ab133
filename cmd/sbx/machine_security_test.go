package main

// machineRows are what tells one machine from another.
var machineRows = []row{
	{id: "identity-keys", group: "identity", tries: "read the machine's ssh keys, which have its name in them", views: hostOnly, cmd: []string{"{ATTACKS}", "contents", "AAAA", "/etc/ssh/ssh_host_*_key.pub"}},
	{id: "sys-devices", group: "identity", tries: "list the machine's devices, their serial numbers and drivers", views: both,
		cmd: []string{"{ATTACKS}", "list", "/sys/block", "/sys/class/*", "/sys/bus/*/devices", "/sys/devices/virtual", "/sys/devices/pci*", "/sys/devices/platform", "/sys/module", "/sys/fs/*"}},
	{id: "sys-devices-net-host", group: "identity", tries: "the same with the host's network", views: both, flags: []string{"--net", "host"},
		cmd: []string{"{ATTACKS}", "list", "/sys/block", "/sys/class/*", "/sys/devices/virtual", "/sys/devices/pci*", "/sys/devices/platform"}},
	{id: "sys-made", group: "identity", tries: "make a file in /sys", views: both, cmd: []string{"sh", "-c", "touch /sys/x 2> /dev/null && { echo BROKE: made; exit 1; }; echo HELD: refused"}},
}
