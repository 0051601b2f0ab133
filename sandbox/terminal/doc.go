// Package terminal keeps the output of an untrusted program from driving the
// terminal that shows it.
//
// A terminal obeys what is printed on it. It can be told to set the clipboard,
// to read a file, to write one, to keep a text and type it later at the shell.
// Programs in a sandbox have a terminal of their own, but their output is shown
// on the caller's, so the way out is here, whatever else is shut.
//
// The package has one noun, the Filter, and one rule: an allow-list. What the
// list does not name is dropped. A sequence is passed when it is whole, never in
// part, and in a form that every terminal reads alike. Therefore it does not
// matter how a terminal reads what is malformed: it gets none, and where the
// output ends it is never within a sequence.
//
// # What passes
//
//	text              as valid UTF-8; what is not becomes U+FFFD
//	BEL BS HT LF VT   as they are
//	FF CR SO SI
//	CSI A-G H f I Z   the cursor moves
//	CSI a d e `
//	CSI J K X @ P L M text is erased, inserted, deleted, scrolled and
//	CSI S T b         repeated. Not CSI 3 J: what has scrolled off the screen
//	                  was there before the program and is the caller's.
//	CSI m             colours
//	CSI r             the scroll region
//	CSI s u, ESC 7 8  the cursor's place is kept and found again
//	CSI h l           insert mode
//	CSI ? h l         the modes in the table privateModes
//	CSI SP q          the cursor's shape
//	CSI ! p           soft reset
//	CSI > m           modifyOtherKeys
//	CSI > u, < u, = u how keys are told (kitty); pops only what was pushed
//	ESC D E M = >     index, next line, reverse index, keypad
//	ESC ( ), A B 0    character sets: line drawing wants them
//	ESC c             full reset would wipe what has scrolled off; it becomes
//	                  a soft reset and an empty screen
//
// # What does not, and why
//
// All strings: OSC, DCS, APC, PM, SOS, and the title of screen (ESC k). No
// string is ever stored, so none can be too long, and the ways to end one,
// which no two terminals share, cannot be played against each other.
//
//	OSC 52, 5522      read and write the clipboard; what is pasted in a shell runs
//	OSC 0 1 2, ESC k  a title is text that the terminal keeps, and with CSI 21 t
//	                  types (CVE-2003-0063); it also stays after the end
//	OSC 8             a link shows one address and opens another, with any
//	                  scheme (CVE-2023-46321), and a click on it carries data out
//	                  of a sandbox without network. The text of it stays.
//	OSC 4 5 10-19     colours stay after the end, and the query answers
//	OSC 9 99 777      notifications speak in the terminal's name (CVE-2022-41322)
//	OSC 7 133 633     forge the shell's directory, prompts and commands
//	OSC 50            the font's name is answered (CVE-2022-45063)
//	OSC 1337          files, clipboard, the profile
//	DCS               answers with the program's text (CVE-2008-2383,
//	                  CVE-2022-45872), tmux's way through to the outer terminal,
//	                  control of the terminal program (CVE-2019-9535), keys and
//	                  answer-back loaded, images decoded (CVE-2022-24130)
//	APC               kitty's images read files, and errors are answered
//	                  (CVE-2020-35605)
//
// All that the terminal answers: ENQ, ESC Z, CSI c n x, CSI > q, CSI ? u, mode
// and checksum requests (CSI * y reads the screen), CSI t. An answer is typed.
// One that comes after the program's end is typed to whoever reads next: the
// shell, or a script's question, where an "n", a digit or a key's binding (the
// cursor's report on the first line is Shift-F3) is enough. The two answers that
// tell nothing, to CSI c and CSI 5 n, the Filter can give in the terminal's
// place: many a program waits for the first.
//
// All that changes how the terminal reads: VT52 mode (CSI ? 2 l), Tektronix
// (CSI ? 38 h), other encodings (ESC %), 8-bit controls (ESC SP, CSI " p), and
// the C1 controls, both as bytes and as U+0080 to U+009F.
//
// All that stays and cannot be put back on every terminal: tab stops, keyboard
// lock, column mode, saved modes, newline mode, what the keys send. And what
// acts outside the screen: printing (CSI i), logging (CSI ? 46 h), lamps,
// window operations (CVE-2024-37535). Mode 1001 makes xterm wait for an answer.
//
// C0 controls that say nothing to a screen: XON and XOFF, which stop some, and
// CAN and SUB, once they have broken off a sequence.
//
// # The end
//
// What the output switched on and left on, Restore puts back, and nothing else:
// the terminal was the caller's before, with settings of his own.
//
// # Limits
//
// The caller's terminal is taken to read UTF-8. In another encoding, a byte
// within a character may be a C1 control.
//
// Text deceives as it always did: a program may draw a prompt.
package terminal
