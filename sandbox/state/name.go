package state

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// newID is docker's form of an id: twelve hexadecimal digits, which is more than
// names in one directory need.
func newID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // it cannot fail (crypto/rand)
	return hex.EncodeToString(b[:])
}

// What a name that nobody chose is made of.
var (
	manners = strings.Fields("able airy amber apt bold brisk calm clear cosy crisp deft dry eager early fair fast fine firm fleet fond free fresh glad good " +
		"grand green hardy hazy keen kind lean light lithe loyal lucid merry mild mint neat noble odd pale plain prime proud pure quick quiet rare ready " +
		"rosy round sane sharp sleek slim smart snug soft solid spry still stout sunny sure swift tall tidy true vast vivid warm wise witty young zesty")
	animals = strings.Fields("adder ant ape auk bat bear bee bird boar bug bull carp cat clam cod colt coot crab crane crow cub deer dog dove duck eel elk " +
		"emu ewe fawn finch fish fly foal fox frog gnat gnu goat goose gull hare hawk hen heron ibex ibis jay kite koala lamb lark lion llama loon lynx " +
		"mole moth mouse mule newt otter owl ox perch pike pony puma quail ram rat raven rook seal shark sheep shrew skunk sloth slug snail snake stag " +
		"stork swan swift tapir tern tiger toad trout tuna viper vole wasp whale wolf worm wren yak zebra")
)

func newName() string {
	var b [4]byte
	_, _ = rand.Read(b[:])
	pick := func(list []string, i int) string { return list[(int(b[i])<<8|int(b[i+1]))%len(list)] }
	return pick(manners, 0) + "-" + pick(animals, 2)
}

// CheckName refuses what docker refuses, but for names of one letter: a name is a
// file's, and is shown.
func CheckName(name string) error {
	ok := len(name) >= 1 && len(name) <= 128
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = ok && (letter || i > 0 && (c == '_' || c == '.' || c == '-'))
	}
	if !ok {
		return fmt.Errorf("name %q: want 1 to 128 letters, digits, and behind the first _ . or -", name)
	}
	return nil
}

// A NameTakenError says that a name is another sandbox's.
type NameTakenError struct{ Name, ID string }

func (e *NameTakenError) Error() string {
	return fmt.Sprintf("the name %s is that of sandbox %s", e.Name, e.ID)
}

// Hint names what mends it.
func (e *NameTakenError) Hint() string { return "sbx rm -f " + e.Name + ", or choose another --name" }

// claim makes a name that of a sandbox. The names are locked.
func (s *Sandboxes) claim(name, id string) error {
	for _, o := range s.others {
		if owner, err := os.Readlink(o.named(name)); err == nil {
			if _, err := os.Lstat(o.box(owner)); err == nil {
				return &NameTakenError{name, owner}
			}
		}
	}
	for range 2 {
		err := os.Symlink(id, s.named(name))
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		owner, err := os.Readlink(s.named(name))
		if err != nil {
			return err
		}
		if _, err := os.Lstat(s.box(owner)); err == nil {
			return &NameTakenError{name, owner}
		}
		if err := os.Remove(s.named(name)); err != nil { // of one that is no more
			return err
		}
	}
	return fmt.Errorf("the name %s cannot be had", name)
}

// claimAny finds a name that nobody has.
func (s *Sandboxes) claimAny(id string) (name string, err error) {
	for try := 0; ; try++ {
		name = newName()
		if try > 8 {
			name += "-" + id[:4]
		}
		err = s.claim(name, id)
		var taken *NameTakenError
		if !errors.As(err, &taken) || try > 16 {
			return name, err
		}
	}
}
