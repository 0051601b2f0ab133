package usage

// Scripts are what makes a shell complete: it asks sbx completion with the words. The
// last line that comes back begins with a colon and says what the shell is to add.
var scripts = [...]struct{ shell, text string }{
	{"bash", `# bash completion for sbx
_sbx() {
	local line cur="${COMP_WORDS[COMP_CWORD]}" kind="" words=() head=""
	# COMP_WORDBREAKS has = and : in it: words of COMP_WORDS are parts of words there.
	local -a typed
	read -ra typed <<<"${COMP_LINE:0:COMP_POINT}"
	[[ "${COMP_LINE:0:COMP_POINT}" != *[[:space:]] ]] || typed+=("")
	local whole="${typed[${#typed[@]}-1]}"
	head="${whole%"$cur"}"
	[[ "$cur" != "=" && "$cur" != ":" ]] || { head="$whole"; cur=""; }
	COMPREPLY=()
	while IFS= read -r line; do
		case "$line" in
		:*) kind="${line#:}" ;;
		*) line="${line%%$'\t'*}"; COMPREPLY+=("${line#"$head"}") ;;
		esac
	done < <(sbx completion --words=bash -- "${typed[@]:1}" 2>/dev/null)
	case "$kind" in
	files) compopt -o filenames 2>/dev/null; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur") ;;
	dirs) compopt -o filenames 2>/dev/null; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$cur") ;;
	programs) compopt -o filenames 2>/dev/null; while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -c -- "$cur"; compgen -f -- "$cur") ;;
	esac
}
complete -F _sbx sbx
`},
	{"zsh", `#compdef sbx
# zsh completion for sbx
_sbx() {
	local line kind="" word
	local -a described
	while IFS= read -r line; do
		case "$line" in
		:*) kind="${line#:}" ;;
		*) word="${line%%$'\t'*}"; described+=("${word//:/\\:}:${line#*$'\t'}") ;;
		esac
	done < <(sbx completion --words=zsh -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
	(( $#described == 0 )) || _describe -V sbx described
	case "$kind" in
	files) [[ "$PREFIX" != --*=* ]] || compset -P '*='; _files ;;
	dirs) [[ "$PREFIX" != --*=* ]] || compset -P '*='; _files -/ ;;
	programs) _command_names -e; _files ;;
	esac
}
if [ "${funcstack[1]}" = "_sbx" ]; then
	_sbx "$@"
else
	compdef _sbx sbx
fi
`},
	{"fish", `# fish completion for sbx
function __sbx_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	set -l kind ""
	for line in (sbx completion --words=fish -- $words[2..-1] "$current" 2>/dev/null)
		switch $line
			case ':*'
				set kind (string sub -s 2 -- $line)
			case '*'
				echo $line
		end
	end
	set -l value (string replace -r '^--[^=]*=' '' -- "$current")
	set -l flag (string match -r '^--[^=]*=' -- "$current")
	switch $kind
		case files
			for path in (__fish_complete_path "$value"); echo "$flag$path"; end
		case dirs
			for path in (__fish_complete_directories "$value" ""); echo "$flag$path"; end
		case programs
			__fish_complete_command
			__fish_complete_path "$current"
	end
end
complete -c sbx -f -a '(__sbx_complete)'
`},
}

// Script is what a shell sources, or "".
func Script(shell string) string {
	for _, s := range scripts {
		if s.shell == shell {
			return s.text
		}
	}
	return ""
}
