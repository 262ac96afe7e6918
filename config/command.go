package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"relay/internal/disk"
)

// commandFlaw is what is wrong with a command.
type commandFlaw struct {
	text, fix string
	refused   bool // somebody who has no say here decides what runs: it is not run
}

// RefusableCommand says why a command must not be run: a user who has no say here decides
// what it does. The error has what ends that. nil: it may be run, and may fail.
func RefusableCommand(command []string) error {
	for _, f := range commandFlaws(command) {
		if f.refused {
			return fmt.Errorf("%s; it is not run. To end that: %s", f.text, f.fix)
		}
	}
	return nil
}

// checkCommand refuses a program of alerts.command that others may change or put in its
// place. One that would not start is warned about: alerts are no reason to take no sales.
func (l *loader) checkCommand() {
	for _, f := range commandFlaws(l.cfg.Alerts.Command) {
		p := l.errorf("alerts.command", "%s", f.text).WithHint("%s", f.fix)
		if !f.refused {
			p.Warning = true
			p.Message += ", so that alerts would not be sent"
		}
	}
}

// commandFlaws judges what a command runs: its first word, the script that it gives to an
// interpreter, other programs and scripts among its words, and the interpreters that the
// scripts name.
func commandFlaws(command []string) []commandFlaw {
	if len(command) == 0 {
		return nil
	}
	c := commandLook{}
	if path, ok := c.find(command[0]); ok {
		c.file(path, true)
		c.arguments(path, command[1:])
	}
	return c.flaws
}

type commandLook struct {
	flaws []commandFlaw
	seen  []string
}

func (c *commandLook) add(refused bool, fix, format string, args ...any) {
	c.flaws = append(c.flaws, commandFlaw{fmt.Sprintf(format, args...), fix, refused})
}

// find is where a program lies; false when it is nowhere, or must not be run.
func (c *commandLook) find(word string) (string, bool) {
	if strings.ContainsRune(word, filepath.Separator) && !filepath.IsAbs(word) {
		c.relative(word)
		return "", false
	}
	path, err := exec.LookPath(word)
	info, statErr := os.Stat(word)
	switch {
	case err == nil && filepath.IsAbs(path):
		return path, true
	case errors.Is(err, exec.ErrDot) || err == nil:
		c.add(true, "write the whole path of the program, and take folders that are no whole paths out of PATH",
			"%s is found in the folder that relay was started in, where anybody may have put it", word)
	case !filepath.IsAbs(word):
		c.add(false, "install it, or write the whole path of the program", "there is no program %s in PATH", word)
	case statErr != nil:
		c.add(false, "put it there, or correct alerts.command", "%s cannot be looked at: %v", word, disk.Bare(statErr))
	case !info.Mode().IsRegular():
		c.add(false, "name a program", "%s is no file", word)
	case info.Mode().Perm()&0o111 == 0:
		c.add(false, "chmod +x "+disk.ShellWord(word), "%s has no execute bit", word)
	default:
		c.add(false, "chmod a+rx "+disk.ShellWord(word)+" (and mount its volume without noexec)", "uid %d may not run %s", os.Geteuid(), word)
	}
	return "", false
}

func (c *commandLook) relative(word string) {
	fix := "write its whole path, such as /etc/relay/" + filepath.Base(word)
	if abs, err := filepath.Abs(word); err == nil {
		if _, err := os.Stat(abs); err == nil {
			fix = "write its whole path: " + abs
		}
	}
	c.add(true, fix, "%s is a relative path: what runs is decided by whoever may write to the folder that relay was started in", word)
}

// file judges a file that is run, or given to an interpreter.
func (c *commandLook) file(path string, run bool) {
	if slices.Contains(c.seen, path) {
		return
	}
	c.seen = append(c.seen, path)
	if w, ok := errors.AsType[*disk.WritableError](disk.Trusted(path)); ok {
		c.add(!w.Group, w.Advice(), "%v", w)
		if !w.Group {
			return
		}
		c.flaws[len(c.flaws)-1].text = w.Error() + "; it is a program that relay runs"
	}
	if runtime.GOOS == "windows" {
		return
	}
	head, err := disk.ReadFirst(path, 256)
	switch {
	case err != nil && !run:
		fix := "chmod a+r " + disk.ShellWord(path)
		if _, ok := errors.AsType[*disk.NoFileError](err); ok {
			fix = "put the script in its place"
		}
		c.add(false, fix, "uid %d cannot read %s: %v", os.Geteuid(), path, disk.Bare(err))
	case bytes.HasPrefix(head, []byte("#!")):
		c.interpreter(path, head[2:])
	case err == nil && run && !bytes.ContainsRune(head, 0): // a binary has zeros in its head
		c.add(false, "sed -i '1i #!/bin/sh' "+disk.ShellWord(path), "%s is a script without a first line that names its interpreter", path)
	}
}

// interpreter judges what the first line of a script names.
func (c *commandLook) interpreter(script string, head []byte) {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.HasSuffix(line, []byte("\r")) {
		c.add(false, `sed -i 's/\r$//' `+disk.ShellWord(script), "%s has the line ends of Windows, with which its interpreter is not found", script)
		return
	}
	words := strings.Fields(string(line))
	if len(words) == 0 {
		c.add(false, "sed -i '1s|.*|#!/bin/sh|' "+disk.ShellWord(script), "the first line of %s names no interpreter", script)
		return
	}
	if !filepath.IsAbs(words[0]) {
		c.add(true, "write the whole path of the interpreter, such as #!/bin/sh", "the first line of %s names its interpreter by a relative path, %s: what runs is decided by whoever may write to the folder that relay was started in", script, words[0])
		return
	}
	missing := func(name string) {
		fix := "install " + filepath.Base(name) + ", or name another interpreter in the first line of " + script
		if found, err := exec.LookPath(filepath.Base(name)); err == nil && filepath.IsAbs(found) && filepath.IsAbs(name) {
			fix = fmt.Sprintf("sed -i %s %s", disk.ShellWord("1s|"+name+"|"+found+"|"), disk.ShellWord(script))
		}
		c.add(false, fix, "the interpreter %s, which the first line of %s names, is not on this machine", name, script)
	}
	if _, err := os.Stat(words[0]); err != nil {
		missing(words[0])
		return
	}
	c.file(words[0], true)
	if filepath.Base(words[0]) == "env" {
		for _, word := range words[1:] {
			if strings.HasPrefix(word, "-") || strings.Contains(word, "=") {
				continue
			}
			found, err := exec.LookPath(word)
			if err != nil {
				missing(word)
				return
			}
			c.file(found, true)
			return
		}
	}
}

var (
	// interpreters run the script that their first word which is no option names.
	interpreters = regexp.MustCompile(`^(?:sh|bash|dash|ash|zsh|ksh|fish|python[0-9.]*|perl|ruby|node|php[0-9.]*|pwsh|lua[0-9.]*|tclsh)$`)
	scriptName   = regexp.MustCompile(`\.(?:sh|bash|py|pl|rb|js|mjs|php|ps1|lua|tcl)$`)
	inlineText   = regexp.MustCompile(`^-[a-z]*[cem]$|^--(?:eval|command)$|^-r$`)
)

// arguments judges the files among the words behind a program.
func (c *commandLook) arguments(program string, words []string) {
	script := interpreters.MatchString(strings.TrimSuffix(filepath.Base(program), ".exe"))
	for _, word := range words {
		option := strings.HasPrefix(word, "-")
		if script && inlineText.MatchString(word) {
			script = false // the words that follow are text, not a file
		}
		info, err := os.Stat(word)
		regular := err == nil && info.Mode().IsRegular()
		switch {
		case script && !option && !filepath.IsAbs(word):
			if err == nil || scriptName.MatchString(word) {
				c.relative(word)
			}
		case script && !option && err != nil:
			c.add(false, "put it there, or correct alerts.command", "%s cannot be looked at: %v", word, disk.Bare(err))
		case script && !option:
			c.file(word, false)
		case regular && filepath.IsAbs(word) && runs(word, info):
			c.file(word, false)
		}
		script = script && option
	}
}

// runs says whether a file is a program or a script.
func runs(path string, info os.FileInfo) bool {
	if info.Mode().Perm()&0o111 != 0 {
		return true
	}
	head, err := disk.ReadFirst(path, 2)
	return err == nil && string(head) == "#!"
}
