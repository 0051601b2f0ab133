package profiles

// Template is a profile to begin one's own with: every key, none in force.
func Template() []byte { return []byte(template) }

const template = `# A profile of sbx: what a command may see.
# Every line is an example. Take away the # of those that you want.

description = "my own"
# extends = ["default"]       # profiles that this one adds to
# commands = ["mytool"]       # chosen for these, where --profile says nothing

[files]                       # /PATH, ~/PATH, ./PATH in the project, ${XDG_CACHE_HOME}/PATH
# show = ["~/tools?"]         # read-only; with a ? it is skipped where it is not there
# write = ["~/out"]           # writable
# hide = ["./secrets"]        # covered by an empty file or directory; wins over all others
# tmpfs = ["~/scratch"]       # an empty directory in memory
# expose = ["./.env?"]        # read-only, although it is known to hold secrets
# project = "read"            # "write" if nothing is said
# noexec_tmp = true           # nothing in /tmp can be run

[cache]
# private = ["~/.cache/mytool"]  # kept for this project alone, never shared with the host
# layered = ["~/.mytool/pkg"]    # the host's, read-only; what is written there is kept for this project

[home]                        # settings and logins of a tool, apart from yours
# private = ["~/.mytool"]     # kept for this project
# shared = ["~/.mytool"]      # kept for all projects with this profile

[env]
# pass = ["MYTOOL_*"]         # the caller's variables
# drop = ["SHELL"]            # wins over pass
# set = { MYTOOL_HOME = "~/tools" }
# clear = true                # nothing of the usual environment

[network]
# hosts = ["@npm", "example.org:443"]  # what the command will need
# publish = ["8080"]          # on the loopback, with a network, where it is free
# tcp = "none"                # no TCP at all, not even inside

[process]
# ulimits = ["nofile=1024:4096"]  # NAME=SOFT[:HARD], as in prlimit(1)
# timeout = "30m"
# disk = "2g"                 # what is written and thrown away

[limits]                      # of all processes together; see --memory and the others
# memory = "50%"              # or "2g"
# memory_swap = "4g"          # memory and swap together
# cpus = "1.5"
# cpu_weight = "50"           # 100 is the usual one
# cpuset = "0-3"
# pids = "512"
# io_max = ["/dev/sda:wbps=10m"]

[security]
# seccomp = "default"         # "unconfined" allows every system call
# run_later = "guard"         # "keep" leaves .git/hooks and the like as the command made them
# userns = false              # true allows namespaces inside
# ia32 = false                # true allows 32-bit programs
`
