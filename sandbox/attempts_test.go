package sandbox

import "testing"

func TestAttemptsOfCounters(t *testing.T) {
	const snmp = "Ip: Forwarding OutDiscards OutNoRoutes\nIp: 1 0 4\nIcmp: InMsgs\nIcmp: 0\nIcmpMsg: InType3 OutType3\nIcmpMsg: 1 1\nTcp: RtoMax ActiveOpens AttemptFails\nTcp: 120000 3 2\nUdp: InDatagrams NoPorts\nUdp: 7 1\nUdpLite: InDatagrams NoPorts\nUdpLite: 0 9\n"
	const snmp6 = "Ip6InReceives                   \t0\nIp6OutNoRoutes                  \t5\nUdp6NoPorts                     \t3\nUdpLite6NoPorts                 \t9\n"
	var a Attempts
	a.add(snmp)
	a.add(snmp6)
	if want := (Attempts{NoRoute: 9, NoPort: 2, NoServer: 4}); a != want {
		t.Errorf("%+v, want %+v", a, want)
	}
	for _, text := range []string{"", "\n", "Ip: OutNoRoutes", "Ip: OutNoRoutes\nIp: x\n", "Ip: OutNoRoutes\nIp:\n", "Tcp: AttemptFails\nUdp: 7\n", "Ip6OutNoRoutes\n"} {
		var a Attempts
		if a.add(text); a != (Attempts{}) {
			t.Errorf("%q: %+v", text, a)
		}
	}
}
