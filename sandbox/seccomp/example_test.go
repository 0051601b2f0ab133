package seccomp_test

import (
	"fmt"

	"github.com/sbxrun/sbx/sandbox/seccomp"
)

// A profile that lets a program compute and write, and nothing else.
func Example() {
	const text = `{
		"defaultAction": "SCMP_ACT_ERRNO",
		"syscalls": [
			{"names": ["read", "exit_group", "brk", "teleport"], "action": "SCMP_ACT_ALLOW"},
			{"names": ["write"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "SCMP_CMP_LE", "value": 2}]}
		]
	}`
	profile, err := seccomp.Parse([]byte(text), seccomp.Options{Arch: seccomp.AMD64})
	if err != nil {
		fmt.Println(err)
		return
	}
	filter, err := seccomp.Compile(profile, seccomp.AMD64)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("unknown:", filter.Unknown)
	fmt.Println("instructions:", len(filter.Instructions))
	// Output:
	// unknown: [teleport]
	// instructions: 18
}
