package runlater

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

func listingOf(t testing.TB, text string) listing {
	t.Helper()
	p, err := readConfig([]byte(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return p.listing()
}

func names(changes []change) string {
	var list []string
	for _, c := range changes {
		list = append(list, c.String())
	}
	return strings.Join(list, " ")
}

const origin = "[remote \"origin\"]\n\turl = https://x/y\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"

func TestJudgeChanges(t *testing.T) {
	for _, c := range []struct{ before, after, good, bad string }{
		{"", "[user]\nname = a\n[core]\nfileMode = true\n", "user.name", "core.fileMode"},
		{"", "[branch \"b\"]\nremote = .\nmerge = refs/heads/a\n", "branch.b.remote branch.b.merge", ""},
		{origin, origin + "[branch \"b\"]\nremote = origin\npushRemote = origin\n", "branch.b.remote branch.b.pushRemote", ""},
		{origin, origin + "[branch \"b\"]\nremote = elsewhere\n", "", "branch.b.remote"},
		{origin, origin + "[branch \"b\"]\nremote = https://x/z\n", "", "branch.b.remote"},
		{origin, origin + "[remote \"f\"]\nurl = https://x/z\n[branch \"b\"]\nremote = f\n", "remote.f.url branch.b.remote", ""},
		{origin + "[branch \"b\"]\nremote = origin\n", origin + "[remote \"f\"]\nurl = https://x/z\n[branch \"b\"]\nremote = f\n", "remote.f.url", "branch.b.remote"},
		{origin + "[branch \"b\"]\nremote = origin\n", origin + "[remote \"f\"]\nurl = https://x/z\n[branch \"b\"]\nremote = origin\npushremote = f\n", "remote.f.url", "branch.b.pushremote"},
		{origin, origin + "[remote]\npushDefault = f\n[remote \"f\"]\nurl = https://x/z\n", "remote.f.url", "remote.pushDefault"},
		{origin, "[remote \"origin\"]\nurl = https://evil/y\n", "", "remote.origin.url remote.origin.fetch"},
		{origin, origin + "fetch = +refs/heads/b:refs/remotes/origin/b\n", "remote.origin.fetch", ""},
		{origin, origin + "fetch = +refs/pull/1/head:refs/remotes/origin/main\n", "", "remote.origin.fetch"},
		{origin, origin + "[remote \"m\"]\nurl = https://x/z\nfetch = +refs/*:refs/*\npruneTags = true\n", "remote.m.url", "remote.m.fetch remote.m.pruneTags"},
		{"", "[core]\ncheckStat = minimal\nabbrev = 9\n[status]\nshowUntrackedFiles = no\nbranch = true\n", "", "core.checkStat core.abbrev status.showUntrackedFiles status.branch"},
		{"[commit]\ngpgSign = true\n", "[commit]\nverbose = true\n", "", "commit.gpgSign commit.verbose"},
		{origin, origin + "[remote \"origin\"]\nurl = https://evil/y\n", "", "remote.origin.url"},
		{origin, origin + "pushurl = https://evil/y\nmirror = true\nprune = true\n", "remote.origin.prune", "remote.origin.pushurl remote.origin.mirror"},
		{origin, "", "", "remote.origin.url remote.origin.fetch"},
		{origin, strings.ReplaceAll(origin, "origin", "up"), "remote.up.url remote.up.fetch", "remote.origin.url remote.origin.fetch"},
		{"", "[remote \"e\"]\nurl = ext::sh -c x\nvcs = x\n", "", "remote.e.url remote.e.vcs"},
		{"[branch \"b\"]\nremote = .\n", "", "", "branch.b.remote"}, // which another command could set
		{"[branch \"gone\"]\nremote = .\nmerge = refs/heads/a\n", "", "branch.gone.remote branch.gone.merge", ""},
		{origin + "[branch \"b\"]\nremote = origin\n", origin + "[branch \"b\"]\nremote = .\n", "", "branch.b.remote"},
		{"[branch \"b\"]\nmerge = refs/heads/a\n", "[branch \"b\"]\nmerge = refs/heads/production\n", "", "branch.b.merge"},
		{"", "[remote \"--upload-pack=x;\"]\nurl = https://x/y\n[remote \".\"]\nurl = https://x/y\n[remote \"https://x/y\"]\nurl = https://evil/y\n[remote \"a\x1b[8m\"]\nurl = https://x/y\n", "", "remote.--upload-pack=x;.url remote...url remote.https://x/y.url remote.a\x1b[8m.url"},
		{"", "[branch \"a\u009b\"]\nrebase = true\n[branch \"-x\"]\nrebase = true\n", "", "branch.a\u009b.rebase branch.-x.rebase"},
		{"", "[push]\ndefault = matching\n[core]\nignoreCase = true\nsymlinks = false\nbare = true\n[gc]\npruneExpire = now\n", "", "push.default core.ignoreCase core.symlinks core.bare gc.pruneExpire"},
		{"[core]\nhooksPath = .githooks\nfsmonitor = x\n", "[core]\nhooksPath = /tmp\n", "", "core.hooksPath core.fsmonitor"},
		{"[transfer]\nfsckObjects = true\n", "", "", "transfer.fsckObjects"},
		{"", "[include]\npath = x\n[includeIf \"gitdir:/\"]\npath = x\n[alias]\nx = !y\n", "", "include.path includeif.gitdir:/.path alias.x"},
		{"", "[filter \"lfs\"]\nsmudge = git-lfs smudge -- %f\n[lfs]\nrepositoryformatversion = 0\n", "lfs.repositoryformatversion", "filter.lfs.smudge"},
		{"", "[submodule \"s\"]\nurl = https://x/s\nactive = true\n", "submodule.s.url submodule.s.active", ""},
		{"[submodule \"s\"]\nurl = https://x/s\n", "[submodule \"s\"]\nurl = https://evil/s\nupdate = !x\n", "", "submodule.s.url submodule.s.update"},
		{"[submodule \"s\"]\nurl = https://x/s\n", "", "", "submodule.s.url"},
		{"", "[core]\nworktree = ..\n", "", "core.worktree"},
		{"", "[user]\nname = \"a\x1b[2J\"\n", "", "user.name"},
		{"[user]\nname = a\n", "[user]\n\tname = a ; same\n", "", ""},
	} {
		good, bad := judgeChanges(listingOf(t, c.before), listingOf(t, c.after), func(branch string) bool { return branch == "gone" })
		if names(good) != c.good || names(bad) != c.bad {
			t.Errorf("%q to %q: good %q, bad %q", c.before, c.after, names(good), names(bad))
		}
	}
}

func TestMerge(t *testing.T) {
	const base = "# mine\n[user]\n\tname = a ; me\n[branch \"b\"]\n\tremote = .\n\tmerge = refs/heads/a\n[core]\n\tpager = less"
	for _, c := range []struct{ text, after, want, conflicts string }{
		{base, base + "\n[user]\n\temail = e\n", "# mine\n[user]\n\tname = a ; me\n\temail = e\n[branch \"b\"]\n\tremote = .\n\tmerge = refs/heads/a\n[core]\n\tpager = less", ""},
		{base, base + "\n[branch \"x \\\"\\\\\"]\n\tpushRemote = .\n", base + "\n[branch \"x \\\"\\\\\"]\n\tpushRemote = .\n", ""},
		{base, strings.Replace(base, "[branch \"b\"]\n\tremote = .\n\tmerge = refs/heads/a\n", "", 1), "# mine\n[user]\n\tname = a ; me\n[branch \"b\"]\n[core]\n\tpager = less", ""},
		{base, strings.Replace(base, "= a", "= \" b # \\\"\\\\ \"", 1), strings.Replace(base, "\tname = a ; me\n", "\tname = \" b # \\\"\\\\ \"\n", 1), ""},
		{strings.Replace(base, "= a", "= c", 1), strings.Replace(base, "= a", "= d", 1) + "\n[gc]\n\tauto = 0\n", strings.Replace(base, "= a", "= c", 1) + "\n[gc]\n\tauto = 0\n", "user.name"},
		{strings.Replace(base, "= a", "= c", 1), strings.Replace(base, "= a", "= c", 1), strings.Replace(base, "= a", "= c", 1), ""},
		{"[branch \"z\"] merge = q\n" + base, strings.Replace(base, "remote = .", "remote = .\n\trebase", 1), "[branch \"z\"] merge = q\n" + strings.Replace(base, "heads/a\n", "heads/a\n\trebase = true\n", 1), ""},
	} {
		got, conflicts, err := merge([]byte(c.text), changesOf(listingOf(t, base), listingOf(t, c.after)), false)
		if err != nil || string(got) != c.want || names(conflicts) != c.conflicts {
			t.Errorf("%q in %q: %q, %q, %v", c.after, c.text, got, names(conflicts), err)
		}
	}
}

// TestMergeAny: whatever the three texts are, each setting is as the change has it, or as it
// was, and merge never fails.
func TestMergeAny(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	headers := []string{"[a]", "[a]\n", "[a \"x\"]\n", "[a.x]", "\n[ a \"X\"]", "[b] # c\n"}
	lines := []string{"k = 1\n", "k\n", "\tK = 2 ; c\n", "l=\"a \\\nb\"\n", "l = \\\"\n", "# k = 3\n", "m = \\\\\n", "m =\n", "\n", "k = \" 3#\"\n"}
	random := func() string {
		var b strings.Builder
		for range rnd.Intn(4) {
			b.WriteString(headers[rnd.Intn(len(headers))])
			for range rnd.Intn(4) {
				b.WriteString(lines[rnd.Intn(len(lines))])
			}
		}
		if rnd.Intn(4) == 0 {
			return strings.TrimSuffix(b.String(), "\n")
		}
		return b.String()
	}
	tried := 0
	for tried < 20000 {
		texts := []string{random(), random(), random()}
		if slices.ContainsFunc(texts, func(text string) bool { _, err := readConfig([]byte(text)); return err != nil }) {
			continue
		}
		tried++
		before, after, now := listingOf(t, texts[0]), listingOf(t, texts[1]), listingOf(t, texts[2])
		for _, force := range []bool{false, true} {
			merged, _, err := merge([]byte(texts[2]), changesOf(before, after), force)
			if err != nil {
				t.Fatalf("%q: %v", texts, err)
			}
			is := listingOf(t, string(merged))
			for _, n := range slices.Concat(before.order, after.order, now.order) {
				want := now.values[n]
				if changed := !slices.Equal(before.values[n], after.values[n]); changed && (force || slices.Equal(want, before.values[n])) {
					want = after.values[n]
				}
				if fmt.Sprint(is.values[n]) != fmt.Sprint(want) {
					t.Fatalf("%q: %q, %v is %q, want %q", texts, merged, n, is.values[n], want)
				}
			}
		}
	}
}
