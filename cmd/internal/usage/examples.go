package usage

// examples are those of --help, by the command's name.
var examples = [...]struct {
	name  string
	lines []Example
}{
	{"sbx run", []Example{
		{"sbx run make", "the host's tools read-only, this directory writable, nothing else"},
		{"sbx run --net allow -- npm ci", "with the hosts that the tool's profile names"},
		{"sbx run --allow example.com -- curl https://example.com", "with one host"},
		{"sbx run --image debian -- bash", "in an image, which is pulled if it is missing"},
		{"sbx run -d --name web -p 8080:80 -- ./server", "in the background, with a port"},
		{"sbx run", "your shell in the sandbox, on a terminal"},
	}},
	{"sbx exec", []Example{{"sbx exec web sh", "a shell in the sandbox web"}, {"sbx exec -e DEBUG=1 web ./check", "with a variable"}}},
	{"sbx ps", []Example{{"sbx ps -a", "ended ones as well"}, {"sbx ps -q", "for a script"}}},
	{"sbx stop", []Example{{"sbx stop web", "SIGTERM, and SIGKILL after 10 seconds"}, {"sbx stop -t 1 web db", "after 1 second"}}},
	{"sbx kill", []Example{{"sbx kill web", "SIGKILL"}, {"sbx kill -s HUP web", "reload its configuration"}}},
	{"sbx wait", []Example{{"sbx wait build", "print the exit code when it has ended"}}},
	{"sbx rm", []Example{{"sbx rm build", "after it has ended"}, {"sbx rm -f web", "kill it first"}}},
	{"sbx prune", []Example{{"sbx prune", "forget all sandboxes that have ended"}}},
	{"sbx inspect", []Example{{"sbx inspect web", "as JSON"}}},
	{"sbx logs", []Example{{"sbx logs -f web", "follow the output"}, {"sbx logs -n 20 --since 10m web", "the last lines"}}},
	{"sbx attach", []Example{{"sbx attach web", "ctrl-p ctrl-q leaves it running"}}},
	{"sbx cp", []Example{{"sbx cp web:/var/log/app.log .", "out of a sandbox"}, {"sbx cp conf.d web:/etc/app/", "into it"}}},
	{"sbx pause", []Example{{"sbx pause web", "until sbx resume web"}}},
	{"sbx resume", []Example{{"sbx resume web", "after sbx pause web"}}},
	{"sbx stats", []Example{{"sbx stats", "all that run, each second"}, {"sbx stats --no-stream web", "once"}}},
	{"sbx top", []Example{{"sbx top web", "its processes"}}},
	{"sbx start", []Example{{"sbx start web", "with the flags of its first start"}}},
	{"sbx restart", []Example{{"sbx restart web", "stop and start it"}}},
	{"sbx rename", []Example{{"sbx rename web web-old", "the host name stays"}}},
	{"sbx port", []Example{{"sbx port web", "where its ports are published"}}},
	{"sbx volume", []Example{{"sbx volume ls", "list volumes"}, {"sbx run -v data:/data -- ./server", "mount one"}}},
	{"sbx volume ls", []Example{{"sbx volume ls -q", "names only"}}},
	{"sbx volume create", []Example{{"sbx volume create data", "sbx run -v data:/data makes it too"}}},
	{"sbx volume inspect", []Example{{"sbx volume inspect data", "as JSON"}}},
	{"sbx volume rm", []Example{{"sbx volume rm data", "with what is in it"}}},
	{"sbx volume prune", []Example{{"sbx volume prune", "all that no sandbox uses"}}},
	{"sbx image tag", []Example{{"sbx image tag box box:2", "a second name"}}},
	{"sbx cache", []Example{{"sbx cache ls", "with sizes"}, {"sbx cache rm", "the caches of this directory"}}},
	{"sbx cache ls", []Example{{"sbx cache ls", "with sizes"}}},
	{"sbx cache rm", []Example{{"sbx cache rm", "the caches of this directory"}, {"sbx cache rm --gone", "of projects that no longer exist"}}},
	{"sbx moved", []Example{{"sbx moved ls", "what was moved aside, and why"}, {"sbx moved restore 1a2b3c4d", "put it back"}}},
	{"sbx moved ls", []Example{{"sbx moved ls", "of this project"}, {"sbx moved ls -a", "of all projects"}}},
	{"sbx moved show", []Example{{"sbx moved show 1a2b3c4d", "print it before you put it back"}}},
	{"sbx moved restore", []Example{{"sbx moved restore 1a2b3c4d", "put it back where it was"}}},
	{"sbx trust", []Example{{"sbx trust --show", "only look"}, {"sbx trust", "look, and be asked"}, {"sbx trust -y", "in a script"}}},
	{"sbx untrust", []Example{{"sbx untrust", "the file may tighten only, from now on"}}},
	{"sbx profile", []Example{{"sbx profile show node", "each line with where it is from"}}},
	{"sbx profile ls", []Example{{"sbx profile ls", "built-in ones, and yours"}}},
	{"sbx profile show", []Example{{"sbx profile show node", "each line with where it is from"}}},
	{"sbx profile check", []Example{{"sbx profile check .sbx.toml", "what it widens, or all its errors"}}},
	{"sbx profile init", []Example{{"sbx profile init > .sbx.toml", "a template with comments"}}},
	{"sbx net", []Example{{"sbx net hosts @npm", "hosts that the set stands for here"}}},
	{"sbx net hosts", []Example{{"sbx net hosts", "all sets"}, {"sbx net hosts @npm @go", "two of them"}}},
	{"sbx unshare", []Example{{"sbx unshare rm -rf build", "remove files of subordinate ids"}, {"sbx unshare", "a shell"}}},
	{"sbx doctor", []Example{{"sbx doctor", "and how to fix what is missing"}}},
	{"sbx version", []Example{{"sbx version", "one line"}, {"sbx version --json", "for a bug report"}}},
	{"sbx help", []Example{{"sbx help run", "the same as sbx run --help"}, {"sbx help image pull", "of a command of a command"}}},
	{"sbx completion", []Example{
		{"source <(sbx completion bash)", "in ~/.bashrc"},
		{"source <(sbx completion zsh)", "in ~/.zshrc, after compinit"},
		{"sbx completion fish | source", "in ~/.config/fish/config.fish"},
	}},
	{"sbx image", []Example{{"sbx image pull debian", "from a registry"}, {"sbx run --image debian -- bash", "run in it"}}},
	{"sbx image pull", []Example{{"sbx image pull debian:12 ghcr.io/x/y", "two at once"}}},
	{"sbx image import", []Example{{"sbx image import rootfs.tar box", "call it box"}, {"docker save app | sbx image import - app", "from docker"}}},
	{"sbx image ls", []Example{{"sbx image ls", "with sizes"}, {"sbx image ls --kept", "what --keep kept"}}},
	{"sbx image tree", []Example{{"sbx image tree", "shared layers are printed once"}}},
	{"sbx image inspect", []Example{{"sbx image inspect debian", "as JSON"}}},
	{"sbx image export", []Example{{"sbx image export box docker-archive:box.tar", "for docker load"}}},
	{"sbx image commit", []Example{{"sbx image commit work box:2", "after sbx run --keep work"}}},
	{"sbx image verify", []Example{{"sbx image verify --repair", "all images"}}},
	{"sbx image rm", []Example{{"sbx image rm debian", "layers that no other image has go too"}}},
	{"sbx image prune", []Example{{"sbx image prune", "free space"}}},
}

// Examples are those of a command.
func Examples(name string) []Example {
	for _, e := range examples {
		if e.name == name {
			return e.lines
		}
	}
	return nil
}
