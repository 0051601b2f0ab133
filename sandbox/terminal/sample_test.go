package terminal

import "testing"

// samples are what programs write, as script(1) recorded it.
var samples = map[string]string{
	"ls": "-rwxr-xr-x 1 root root    0 Nov 24 00:01 \x1b[0m\x1b[01;32mb.png\x1b[0m\r\n" +
		"lrwxrwxrwx 1 root root    5 Nov 24 00:01 \x1b[01;36ml\x1b[0m -> a.tar\r\n" +
		"drwxr-xr-x 2 root root 4096 Nov 24 00:01 \x1b[01;34msub\x1b[0m\r\n",
	"grep": "\x1b[01;31m\x1b[Kroot\x1b[m\x1b[K:x:0:0:\x1b[01;31m\x1b[Kroot\x1b[m\x1b[K:/\x1b[01;31m\x1b[Kroot\x1b[m\x1b[K:/bin/bash\r\n",
	"less": "\x1b[?1049h\x1b[?1h\x1b=\r# Network services, Internet style\r\n#\r\n" +
		"\x1b[7m/etc/services\x1b[27m\x1b[K\r\x1b[K\x1bM\x1b[1;1H\r\x1b[K\x1b[?1l\x1b>\x1b[?1049l",
	"vim": "\x1b[?1006;1000h\x1b[?1002h\x1b[?1049h\x1b[>4;2m\x1b[?1h\x1b=\x1b[?2004h\x1b[?1004h\x1b[1;24r\x1b[?12h\x1b[?12l" +
		"\x1b[27m\x1b[23m\x1b[29m\x1b[m\x1b[H\x1b[2J\x1b[?25l\x1b[24;1H\"file\" 1L, 3B\x1b[2;1H▽\x1b[2;1H  \x1b[3;1H" +
		"\x1b[1;5H\x1b[24;1H\x1b[1m-- INSERT --\x1b[m\x1b[50C1,6\x1b[11CAll\x1b[?25h\x1b[24;63H\x1b[K:q!\r" +
		"\x1b[?1006;1000l\x1b[?1002l\x1b[?2004l\x1b[>4;m\x1b[24;1H\x1b[K\x1b[?1004l\x1b[?2004l\x1b[?1l\x1b>\x1b[?1049l\x1b[?25h\x1b[>4;m",
	"top": "\x1b[?1h\x1b=\x1b[?25l\x1b[H\x1b[2J\x1b(B\x1b[mtop - 00:01:44 up  3:19\x1b(B\x1b[m\x1b[39;49m\x1b(B\x1b[m\x1b[39;49m\x1b[K\r\n" +
		"Tasks:\x1b(B\x1b[m\x1b[39;49m\x1b[1m  79 \x1b(B\x1b[m\x1b[39;49mtotal\x1b[?12l\x1b[?25h\x1b[?1l\x1b>\x1b[25;1H\r\n",
	"ncurses box":  "\x1b[?1049h\x1b[1;24r\x1b(B\x1b[m\x1b[4l\x1b[?7h\x1b[H\x1b[2J\x1b(0lq\x1b[78bk\r\n\x1b(B",
	"npm spinner":  "⠙\x1b[1G\x1b[0K⠹\x1b[1G\x1b[0K⠸\x1b[1G\x1b[0K\r\nadded 1 package in 2s\r\n",
	"pip":          "\x1b[?25l     \x1b[38;2;249;38;114m━━━━\x1b[0m\x1b[38;5;237m╺\x1b[0m \x1b[32m1.2/4.0 MB\x1b[0m\r\x1b[2K\x1b[?25h",
	"compose":      "\x1b[?25l\x1b[1A\x1b[1B\x1b[0G\x1b[2K ✔ web \x1b[34m0.0s\x1b[0m\r\n\x1b[?25h",
	"curl":         "  % Total\r\n\r  0     0\r100   100\r\n\r#####      12.5%\r",
	"apt progress": "\x1b7\x1b[0;23r\x1b8\x1b[1A\x1b7\x1b[24;0f\x1b[42m\x1b[30mProgress: [ 20%]\x1b[49m\x1b[39m [#...] \x1b8\x1b7\x1b[0;24r\x1b8\x1b[1A\x1b[J",
	"readline":     "\x1b[?2004h$ echo\b\b\b\b\x1b[K\x1b[C\a\r\n\x1b[?2004l\r",
	"fzf":          "\x1b[?25l\x1b7\x1b[?1000h\x1b[?1006h\r\x1b[38;5;110m> \x1b[m\x1b[0;7m \x1b[m\x1b[?2026h\x1b[?2026l\x1b8\x1b[?25h",
}

func TestSamples(t *testing.T) {
	for name, text := range samples {
		if got := filtered(text); got != text {
			t.Errorf("%s:\n got %q\nwant %q", name, got, text)
		}
		if got := bytewise(text); got != text {
			t.Errorf("%s, byte by byte:\n got %q\nwant %q", name, got, text)
		}
	}
}

// TestQuestionsOfVim are what a start of it has besides.
func TestQuestionsOfVim(t *testing.T) {
	in := "\x1b[?1049h\x1b[22;0;0t\x1b[22;2t\x1b[22;1t\x1b[2;1H▽\x1b[6n\x1b[2;1H  \x1b[3;1H\x1bPzz\x1b\\\x1b[0%m\x1b[6n\x1b[3;1H" +
		"\x1b[>c\x1b]10;?\a\x1b]11;?\a\x1b[1;1Htext\x1b[23;2t\x1b[23;1t\x1b[?1049l\x1b[23;0;0t"
	want := "\x1b[?1049h\x1b[2;1H▽\x1b[2;1H  \x1b[3;1H\x1b[3;1H\x1b[1;1Htext\x1b[?1049l"
	if got := filtered(in); got != want {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}
