package hosts

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// A machine is what tools print there, by their command lines, and its files.
type machine struct {
	says, files map[string]string
	environ     []string
}

func (m machine) asker() *Asker {
	a := &Asker{Home: "/home/ada", Environ: m.environ}
	a.Check = func(rule string) error { _, err := egress.ParseRule(rule); return err }
	a.Find = func(program string) (string, error) {
		for line := range m.says {
			if strings.HasPrefix(line, program+" ") || line == program {
				return "/usr/bin/" + program, nil
			}
		}
		return "", ErrNotInstalled
	}
	a.Run = func(program string, args ...string) ([]byte, error) {
		line := program + " " + strings.Join(args, " ")
		if out, ok := m.says[line]; ok {
			return []byte(out), nil
		}
		if _, err := a.Find(program); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s: exit status 1", line)
	}
	a.Read = func(path string) ([]byte, error) {
		if text, ok := m.files[path]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	return a
}

const (
	npmList  = "npm config list --json"
	goEnv    = "go env -json GOPROXY GOSUMDB GONOSUMDB GONOPROXY"
	pipHelp  = "pip3 install --help"
	pipList  = "pip3 config list"
	apt      = "apt-get indextargets --format $(SITE)"
	cargoNew = "cargo 1.80.0 (376290515 2024-07-16)\n"
	cargoOld = "cargo 1.65.0\n"
	gitURLs  = `git config --null --show-origin --get-regexp ^url\..*\.insteadof$`
)

func pipSays(index string) string {
	return "  -i, --index-url <url>  Base URL (default " + index + "). More.\n  --extra-index-url <url>  Extra (default no).\n"
}

func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name, set string
		machine   machine
		want      string // the hosts
		notes     string // is in the notes, or the error
	}{
		{"npm, with scopes and a password", "@npm", machine{says: map[string]string{
			npmList: `{"registry":"https://npm.example/a/b/","@corp:registry":"https://u:hunter2@corp.example:8443/x","audit":true,"replace-registry-host":"never"}`}},
			"npm.example corp.example:8443", ""},
		{"npm, yarn and pnpm", "@npm", machine{says: map[string]string{
			npmList: `{"registry":"https://npm.example/"}`, "yarn config get npmRegistryServer": "https://yarn.example\n", "pnpm config get registry": "https://npm.example/\n"}},
			"npm.example yarn.example", ""},
		{"pnpm alone, and a port of http", "@npm", machine{says: map[string]string{"pnpm config get registry": "http://npm.example:80/\n"}}, "npm.example", ""},
		{"yarn that fails", "@npm", machine{says: map[string]string{npmList: `{"registry":"https://npm.example/"}`, "yarn": ""}}, "npm.example", "yarn config get npmRegistryServer: exit status 1"},
		{"npm that prints no JSON", "@npm", machine{says: map[string]string{npmList: "hunter2"}}, "", "prints no JSON"},
		{"nothing there", "@npm", machine{}, "", "@npm: npm is not installed"},
		{"a registry at the loopback", "@npm", machine{says: map[string]string{npmList: `{"registry":"http://localhost:4873/"}`}}, "", "--host-port 4873"},
		{"a registry at the loopback, by address", "@npm", machine{says: map[string]string{npmList: `{"registry":"http://[::1]/"}`}}, "", "--host-port 80"},
		{"what is no URL", "@npm", machine{says: map[string]string{npmList: `{"registry":"https://hunter2:x@*/","a:registry":"file:///x","b:registry":"https://10.0.0.1/8","c:registry":"https:// evil/","d:registry":7,"e:registry":"https://a/\u001b"}`}},
			"10.0.0.1", "npm config get registry is left out"},
		{"an address of IPv6", "@npm", machine{says: map[string]string{npmList: `{"registry":"https://[2001:db8::1]:8443/"}`}}, "[2001:db8::1]:8443", ""},

		{"go", "@go", machine{says: map[string]string{goEnv: `{"GOPROXY":"https://u:hunter2@proxy.example/go,direct","GOSUMDB":"sums.example+abc+key","GONOPROXY":""}`}},
			"proxy.example sums.example", "from the modules' own hosts"},
		{"go with bars, a URL of sums, and modules of its own", "@go", machine{says: map[string]string{
			goEnv: `{"GOPROXY":"https://a.example|https://b.example:8443,off","GOSUMDB":"sums.example https://c.example/sums","GONOPROXY":"git.example/team/*,*.corp.example,*,*.com,g?t.example"}`}},
			"a.example b.example:8443 c.example git.example *.corp.example", "a pattern that is no host"},
		{"go without sums", "@go", machine{says: map[string]string{goEnv: `{"GOPROXY":"https://a.example","GOSUMDB":"off"}`}}, "a.example", ""},
		{"go with no module in the sums", "@go", machine{says: map[string]string{goEnv: `{"GOPROXY":"https://a.example","GOSUMDB":"sums.example","GONOSUMDB":"*"}`}}, "a.example", ""},
		{"go off", "@go", machine{says: map[string]string{goEnv: `{"GOPROXY":"off","GOSUMDB":"off"}`}}, "", "GOPROXY has off"},

		{"pip", "@pypi", machine{says: map[string]string{pipHelp: pipSays("https://u:****@pip.example:8443/simple"),
			pipList: "global.extra-index-url='https://x.example/simple\\nhttps://y.example/simple'\n:env:.find-links='/opt/wheels https://z.example/'\nglobal.cert='/etc/x'\n"}},
			"pip.example:8443 x.example y.example z.example", ""},
		{"pip with its own index", "@pypi", machine{says: map[string]string{pipHelp: pipSays("https://pypi.org/simple"), pipList: ""}}, "pypi.org files.pythonhosted.org", ""},
		{"python without pip", "@pypi", machine{says: map[string]string{"python3": ""}}, "", "python3 -m pip"},
		{"uv", "@pypi", machine{says: map[string]string{"uv": ""}, environ: []string{"UV_INDEX=corp=https://a.example/simple https://b.example"},
			files: map[string]string{"/home/ada/.config/uv/uv.toml": "extra-index-url = [\"https://c.example\"]\n[[index]]\nurl = \"https://d.example\"\n[pip]\nindex-url = \"https://pypi.org/simple\"\n"}},
			"a.example b.example pypi.org c.example d.example files.pythonhosted.org", ""},
		{"uv with a file that is none", "@pypi", machine{says: map[string]string{"uv": ""}, files: map[string]string{"/etc/uv/uv.toml": "hunter2 ="}}, "", "/etc/uv/uv.toml: it is not as uv has it"},

		{"cargo", "@cargo", machine{says: map[string]string{"cargo --version": cargoNew}}, "index.crates.io static.crates.io", ""},
		{"an old cargo", "@cargo", machine{says: map[string]string{"cargo --version": cargoOld}}, "github.com crates.io static.crates.io", ""},
		{"cargo with a mirror", "@cargo", machine{says: map[string]string{"cargo --version": cargoNew}, files: map[string]string{
			"/home/ada/.cargo/config.toml": "[source.crates-io]\nreplace-with = \"a\"\n[source.a]\nreplace-with = \"b\"\n[source.b]\nregistry = \"sparse+https://m.example:444/index/\"\n[registries.corp]\nindex = \"https://corp.example/git/index\"\n"}},
			"m.example:444 corp.example", "is an index"},
		{"cargo with a mirror that is a registry, and variables", "@cargo", machine{says: map[string]string{"cargo --version": cargoNew}, environ: []string{"CARGO_HOME=/opt/cargo", "CARGO_REGISTRIES_MY_CORP_INDEX=sparse+https://c.example/", "CARGO_REGISTRIES_D_INDEX=https://d.example"},
			files: map[string]string{"/opt/cargo/config": "[source.crates-io]\nreplace-with = \"my-corp\"\n[registries.my-corp]\nindex = \"https://old.example\"\n"}},
			"c.example d.example", ""},
		{"cargo with what is vendored", "@cargo", machine{says: map[string]string{"cargo --version": cargoNew}, files: map[string]string{
			"/home/ada/.cargo/config.toml": "[source.crates-io]\nreplace-with = \"v\"\n[source.v]\ndirectory = \"/opt/vendor\"\n"}}, "", "nothing is downloaded"},
		{"cargo in a circle", "@cargo", machine{says: map[string]string{"cargo --version": cargoNew}, files: map[string]string{
			"/home/ada/.cargo/config.toml": "[source.crates-io]\nreplace-with = \"a\"\n[source.a]\nreplace-with = \"crates-io\"\n"}}, "", "circle"},
		{"cargo with a file that is none", "@cargo", machine{says: map[string]string{"cargo --version": cargoNew}, files: map[string]string{
			"/home/ada/.cargo/config.toml": "token = hunter2"}}, "", "it is not as cargo has it"},

		{"maven", "@maven", machine{says: map[string]string{"mvn": ""}}, "repo.maven.apache.org", ""},
		{"a wrapper of maven, with a mirror of all", "@maven", machine{says: map[string]string{"java": ""}, environ: []string{"CORP=m.example"}, files: map[string]string{
			"/home/ada/.m2/settings.xml": `<?xml version="1.0"?><settings xmlns="x"><!-- <mirrors> --><mirrors><mirror><id>all</id><url>https://${env.CORP}:8443/a?b=1&amp;c=2</url><mirrorOf> external:*,!keep </mirrorOf></mirror></mirrors>
<profiles><profile><id>on</id><repositories><repository><id>keep</id><url>https://k.example/</url></repository><repository><id>x</id><url>https://x.example</url></repository></repositories></profile>
<profile><id>off</id><repositories><repository><id>keep</id><url>https://off.example</url></repository></repositories></profile></profiles><activeProfiles><activeProfile>on</activeProfile></activeProfiles></settings>`}},
			"m.example:8443 k.example", ""},
		{"maven with central elsewhere", "@maven", machine{says: map[string]string{"mvn": ""}, environ: []string{"MAVEN_HOME=/opt/maven"}, files: map[string]string{
			"/opt/maven/conf/settings.xml": `<settings><mirrors><mirror><id>b</id><mirrorOf>external:http:*</mirrorOf><url>http://0.0.0.0/</url><blocked>true</blocked></mirror></mirrors><profiles><profile><activation><activeByDefault>true</activeByDefault></activation>
<repositories><repository><id>central</id><url>https://c.example</url></repository><repository><id>h</id><url>http://h.example</url></repository></repositories><pluginRepositories><pluginRepository><id>central</id><url>https://p.example</url></pluginRepository></pluginRepositories></profile></profiles></settings>`}},
			"c.example p.example", "blocks"},
		{"maven with a file that is none", "@maven", machine{says: map[string]string{"mvn": ""}, files: map[string]string{"/home/ada/.m2/settings.xml": "<settings><a></settings>"}}, "", "settings.xml: it is no XML"},

		{"gem", "@rubygems", machine{says: map[string]string{"gem sources --list": "*** CURRENT SOURCES ***\n\nhttps://u:hunter2@gems.example:8443/\nhttps://rubygems.org/\n",
			"bundle config list --parseable": "path=/x\nmirror.https://rubygems.org/=https://b.example/\n"}},
			"gems.example:8443 rubygems.org index.rubygems.org b.example", ""},
		{"apt", "@debian", machine{says: map[string]string{apt: "http://a.example/debian\nhttp://a.example/debian\nhttps://b.example:8443/x\nfile:/srv\nmirror+file:/etc/apt/mirrors.list\nmirror+https://l.example/list\nmirror://n.example/list\nmirror+file:/gone\n"},
			files: map[string]string{"/etc/apt/mirrors.list": "# x\nhttp://c.example/debian\tpriority:1\n\n"}},
			"a.example b.example:8443 c.example l.example n.example", "name the mirrors"},
		{"github", "@github", machine{says: map[string]string{gitURLs: "file:/h/.gitconfig\x00url.https://u:hunter2@mirror.example:8443/.insteadof\nhttps://github.com/\x00file:/h/.gitconfig\x00url.https://team.example/.insteadof\nhttps://github.com/team/\x00file:/h/.gitconfig\x00url.https://other.example/.insteadof\nhttps://gitlab.example/\x00command line:\x00url.git@github.com:.insteadof\nhttps://github.com/\x00"}},
			"github.com api.github.com codeload.github.com raw.githubusercontent.com objects.githubusercontent.com release-assets.githubusercontent.com github-cloud.githubusercontent.com mirror.example:8443 team.example", ""},
		{"no such set", "@nmp", machine{}, "", `did you mean "@npm"?`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.machine.asker().Ask([]string{c.set})[0]
			var hosts []string
			for _, h := range got.Hosts {
				hosts = append(hosts, h.Host)
				if h.Set != c.set || h.From == "" {
					t.Errorf("%+v does not say where it is from", h)
				}
			}
			if diff := cmp.Diff(strings.Fields(c.want), hosts); diff != "" && c.want+strings.Join(hosts, "") != "" {
				t.Errorf("hosts (-want +got):\n%s", diff)
			}
			said := fmt.Sprint(got.Hosts, got.Notes, got.Err)
			if !strings.Contains(said, c.notes) {
				t.Errorf("said %q, want %q in it", said, c.notes)
			}
			if strings.Contains(said, "hunter2") {
				t.Errorf("a password is told: %q", said)
			}
			if (got.Err == nil) != (len(got.Hosts) > 0) {
				t.Errorf("%d hosts and the error %v", len(got.Hosts), got.Err)
			}
		})
	}
}

// The sets that profiles may name are those that there are, and what is not told is used.
func TestSets(t *testing.T) {
	for _, name := range Names() {
		if err := profiles.CheckHostSet(name); err != nil {
			t.Error(err)
		}
	}
	if err := profiles.CheckHostSet("@"); err == nil || strings.Count(err.Error(), "@") != 1+len(Names()) {
		t.Errorf("profiles know other sets: %v", err)
	}
	list, err := untold()
	if err != nil || len(list) < 10 {
		t.Fatalf("%d hosts, %v", len(list), err)
	}
	for _, u := range list {
		if _, err := egress.ParseRule(u.Host); err != nil || u.Reason == "" || !slices.Contains([]string{"crates-io", "crates-io by git", "central", "pypi.org", "rubygems.org", "github"}, u.Beside) {
			t.Errorf("%+v: %v", u, err)
		}
	}
}

func TestErrorNamesWhatMends(t *testing.T) {
	var e *Error
	if err := (machine{}).asker().Ask([]string{"@go"})[0].Err; !errors.As(err, &e) || !errors.Is(err, ErrNotInstalled) || !strings.Contains(e.Hint(), "--allow HOST") {
		t.Errorf("%v", err)
	}
}
