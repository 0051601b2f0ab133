package runlater

import "strings"

// wordDepth bounds commands in commands: sh -c '...'.
const wordDepth = 4

// wordLimit is far beyond any honest command's.
const wordLimit = 1000

// words are the words of a shell command that may be paths of files. The first one without a
// slash is looked up in PATH (POSIX, "Command Search and Execution"). What is not worth a
// parser leads to no file that is there.
func words(command string) []string {
	r := strings.NewReplacer("${HOME}/", "~/", "$HOME/", "~/", "$PWD/", "./", "${PWD}/", "./",
		"$(git rev-parse --show-toplevel)/", "./", "`git rev-parse --show-toplevel`/", "./", "$(pwd)/", "./", "`pwd`/", "./",
		`"$HOME"/`, "~/", `"${HOME}"/`, "~/", `"$PWD"/`, "./", `"$(git rev-parse --show-toplevel)"/`, "./", `"$(pwd)"/`, "./")
	l := wordList{}
	l.command(r.Replace(strings.TrimPrefix(command, "!")), wordDepth)
	if strings.ContainsAny(command, "/") { // a path with spaces
		l.add(r.Replace(command))
	}
	return l.found
}

type wordList struct{ found []string }

func (l *wordList) add(word string) {
	if word != "" && len(l.found) < wordLimit && strings.IndexByte(word, 0) < 0 {
		l.found = append(l.found, word)
	}
}

const betweenShellWords = " \t\r\n;|&(){}<>=`"

// command takes a command apart.
func (l *wordList) command(text string, depth int) {
	var word []byte
	var quote byte
	first, quoted := true, false
	before, dir := "", ""
	end := func() {
		one := string(word)
		word = word[:0]
		if one == "" {
			return
		}
		if !first || strings.Contains(one, "/") {
			l.argument(one, dir)
		}
		if quoted && depth > 0 && strings.ContainsAny(one, betweenShellWords) {
			l.command(one, depth-1)
		}
		if before == "cd" || before == "-C" {
			dir = one
		}
		before, first, quoted = one, false, false
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote == 0 && (c == '\'' || c == '"'):
			quote, quoted = c, true
		case quote == c && quote != 0:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			word = append(word, text[i])
			quoted = true
		case quote == 0 && strings.IndexByte(betweenShellWords, c) >= 0:
			end()
			first = first || strings.IndexByte("\n;|&({`", c) >= 0
		default:
			word = append(word, c)
		}
	}
	end()
}

// argument adds one, and what an option has in the same word: -ftools/x, @tools/x.
func (l *wordList) argument(word, dir string) {
	l.add(word)
	switch {
	case len(word) > 2 && word[0] == '-' && word[1] != '-':
		l.add(word[2:])
	case len(word) > 1 && word[0] == '@':
		l.add(word[1:])
	}
	if dir != "" && word[0] != '/' && word[0] != '~' {
		l.add(join(dir, word))
	}
}
