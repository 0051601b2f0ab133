package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A netlinkMessage asks the kernel to change the network.
type netlinkMessage struct {
	kind, flags uint16
	body        []byte
}

// netlinkMessages are changes by which a sandbox would lead its connections, or those to
// the addresses that stand for names, elsewhere.
func netlinkMessages() map[string]netlinkMessage {
	header := func(b ...byte) []byte { return b }
	attribute := func(to []byte, kind uint16, value ...byte) []byte {
		to = binary.NativeEndian.AppendUint16(to, uint16(4+len(value)))
		to = append(binary.NativeEndian.AppendUint16(to, kind), value...)
		return append(to, make([]byte, -len(value)&3)...)
	}
	lo := binary.NativeEndian.AppendUint32(nil, 1)
	link := func(index, flags, change uint32) []byte {
		b := make([]byte, 4, 16)
		b = binary.NativeEndian.AppendUint32(b, index)
		b = binary.NativeEndian.AppendUint32(b, flags)
		return binary.NativeEndian.AppendUint32(b, change)
	}
	const create, replace = unix.NLM_F_CREATE, unix.NLM_F_REPLACE
	route := func(bits, table, kind byte) []byte {
		return header(unix.AF_INET, bits, 0, 0, table, unix.RTPROT_STATIC, unix.RT_SCOPE_LINK, kind, 0, 0, 0, 0)
	}
	local := attribute(attribute(route(32, unix.RT_TABLE_LOCAL, unix.RTN_LOCAL), unix.RTA_DST, 192, 0, 2, 99), unix.RTA_OIF, lo...)
	local[6] = unix.RT_SCOPE_HOST
	six := attribute(attribute(header(unix.AF_INET6, 128, 0, 0, unix.RT_TABLE_LOCAL, unix.RTPROT_STATIC, unix.RT_SCOPE_HOST, unix.RTN_LOCAL, 0, 0, 0, 0),
		unix.RTA_DST, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9), unix.RTA_OIF, lo...)
	dummy := attribute(attribute(link(0, 0, 0), unix.IFLA_IFNAME, []byte("sbx0\x00")...), unix.IFLA_LINKINFO, attribute(nil, unix.IFLA_INFO_KIND, []byte("veth")...)...)
	address := append(header(unix.AF_INET, 32, 0, unix.RT_SCOPE_HOST), lo...)
	return map[string]netlinkMessage{
		"route":     {unix.RTM_NEWROUTE, create, attribute(route(0, unix.RT_TABLE_MAIN, unix.RTN_UNICAST), unix.RTA_OIF, lo...)},
		"local":     {unix.RTM_NEWROUTE, create | replace, local},
		"local-six": {unix.RTM_NEWROUTE, create | replace, six},
		"unroute":   {unix.RTM_DELROUTE, 0, attribute(route(8, unix.RT_TABLE_LOCAL, unix.RTN_LOCAL), unix.RTA_DST, 127, 0, 0, 0)},
		"address":   {unix.RTM_NEWADDR, create, attribute(address, unix.IFA_LOCAL, 192, 0, 2, 98)},
		"up":        {unix.RTM_NEWLINK, 0, link(1, unix.IFF_UP, unix.IFF_UP)},
		"down":      {unix.RTM_NEWLINK, 0, link(1, 0, unix.IFF_UP)},
		"device":    {unix.RTM_NEWLINK, create, dummy},
		"rule":      {unix.RTM_NEWRULE, create, attribute(header(unix.AF_INET, 0, 0, 0, unix.RT_TABLE_MAIN, 0, 0, unix.FR_ACT_TO_TBL, 0, 0, 0, 0), unix.FRA_PRIORITY, 1, 0, 0, 0)},
		"neighbour": {unix.RTM_NEWNEIGH, create, attribute(append(append(header(unix.AF_INET, 0, 0, 0), lo...), header(unix.NUD_PERMANENT, 0, 0, 0)...), unix.NDA_DST, 192, 0, 2, 97)},
		"qdisc":     {unix.RTM_NEWQDISC, create | replace, attribute(qdisc(), unix.TCA_KIND, []byte("noqueue\x00")...)},
	}
}

// qdisc is the root discipline of lo (struct tcmsg).
func qdisc() []byte {
	b := make([]byte, 4, 20)
	b = binary.NativeEndian.AppendUint32(b, 1)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint32(b, 0xffffffff)
	return binary.NativeEndian.AppendUint32(b, 0)
}

// netlink asks for changes of the network, each by its name.
func netlink(args []string) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	if err != nil {
		held("%v", err)
	}
	change(fd, args)
}

// nestedNetlink has all rights in namespaces of its own, and asks by a socket that was
// opened before: a socket keeps its network.
func nestedNetlink(args []string) {
	runtime.LockOSThread()
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	must(err)
	if os.Getenv("ATTACKS_NESTED") == "" {
		again := &syscall.ProcAttr{Env: append(os.Environ(), "ATTACKS_NESTED=1"), Files: []uintptr{0, 1, 2, uintptr(fd)},
			Sys: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET, UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}}}
		pid, err := syscall.ForkExec("/proc/self/exe", os.Args, again)
		must(err)
		var status syscall.WaitStatus
		_, err = syscall.Wait4(pid, &status, 0, nil)
		must(err)
		os.Exit(status.ExitStatus())
	}
	must(unix.SetNonblock(3, false))
	change(3, args)
}

// change asks for each and ends with the first that is done.
func change(fd int, names []string) {
	all := netlinkMessages()
	var said []string
	for _, name := range names {
		m, ok := all[name]
		if !ok {
			wrong("no message %s", name)
		}
		b := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(m.body)))
		b = binary.NativeEndian.AppendUint16(b, m.kind)
		b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|unix.NLM_F_ACK|m.flags)
		b = append(append(b, make([]byte, 8)...), m.body...)
		must(unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
		answer := make([]byte, 4096)
		n, err := unix.Read(fd, answer)
		must(err)
		if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
			wrong("%s: the answer is %x", name, answer[:n])
		}
		e := syscall.Errno(-int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])))
		if !refused(e) {
			broke("%s: %v", name, error(e))
		}
		said = append(said, fmt.Sprintf("%s: %v", name, e))
	}
	held("%s", strings.Join(said, ", "))
}
