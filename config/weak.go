package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// minToken is the shortest accepted token, in characters. 16 random letters and digits
// cannot be guessed at any rate a listener answers.
const minToken = 16

// placeholders are the texts that examples, of this project and others, have instead
// of a token, reduced to letters and digits.
var placeholders = []string{
	"replacewith", "replaceme", "replacethis", "changeme", "changethis", "changeit", "placeholder", "longrandomtext", "randomtext",
	"yourtoken", "youradmintoken", "yoursecret", "yourpassword", "yourkey", "insertyour", "putyour", "enteryour", "tokenhere", "secrethere",
	"mytoken", "mysecret", "mypassword", "admintoken", "secrettoken", "supersecret", "topsecret", "password", "passw0rd", "letmein", "qwerty",
	"exampletoken", "tokenexample", "testtoken", "tobedefined", "todotodo", "correcthorse",
	"0123456789", "1234567890", "abcdefgh",
}

// WeakToken returns why a token is too weak, or "". The text holds nothing of the
// token.
func WeakToken(token string) string {
	if utf8.RuneCountInString(token) < minToken {
		return fmt.Sprintf("has fewer than %d characters and can be guessed", minToken)
	}
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(token))
	for _, p := range placeholders {
		if strings.Contains(plain, p) {
			return "is or contains a placeholder from an example, which others know"
		}
	}
	different := map[rune]bool{}
	for _, r := range token {
		different[r] = true
	}
	if len(different) < 6 {
		return fmt.Sprintf("has only %d different characters and can be guessed", len(different))
	}
	return ""
}
