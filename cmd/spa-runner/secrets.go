package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// secretWords mark variables of the build whose values nobody should see.
var secretWords = []string{"SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "_PASS", "PRIVATE_KEY", "API_KEY", "APIKEY", "ACCESS_KEY", "CREDENTIAL", "WEBHOOK"}

// secretsIn are those of the function of this name, and what the project named
// as deploy's own.
func (c *Config) secretsIn(pairs []string) []string {
	secrets := secretsIn(pairs)
	for _, pair := range pairs {
		if name, value, _ := strings.Cut(pair, "="); slices.Contains(c.DeployOnly, name) {
			secrets = append(secrets, value)
		}
	}
	return secrets
}

// secretsIn are the values among NAME=value pairs that are secrets by their
// name, or by a password in their URL.
func secretsIn(pairs []string) []string {
	var secrets []string
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		upper := strings.ToUpper(name)
		if strings.HasPrefix(upper, "CODEBUILD_WEBHOOK_") {
			continue // of the event that started a build: branches and commits
		}
		if slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(upper, word) }) {
			secrets = append(secrets, value)
		}
		for _, match := range userInfo.FindAllStringSubmatch(value, -1) {
			_, password, ok := strings.Cut(match[1], ":")
			if !ok && strings.HasPrefix(value, "codecommit:") {
				continue // a profile, which is a name
			}
			plain, err := url.PathUnescape(password)
			if err != nil {
				plain = ""
			}
			secrets = append(secrets, match[1], password, plain)
		}
	}
	return secrets
}

// userInfo is what stands before the host in URLs, of which a value may hold
// several, well written or not.
var userInfo = regexp.MustCompile(`//([^/@\s"']*(?::[^@\s"']*)?)@`)
