// Package secretname tells which values are secrets by what their names say.
package secretname

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"spa-runner/internal/lazyregexp"
)

// What names say of values. A name is read as words, between underscores; the
// fragments are long enough to be found inside of words too (GITHUBTOKEN), the
// others are not: AUTHOR, PATTERN, COMPASS, PASSPORT. What stands before KEY
// tells a secret one from those of a cache, of a table and of the public.
var (
	secretFragments = []string{"SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "PRIVATEKEY", "APIKEY", "ACCESSKEY", "CREDENTIAL"}
	secretWords     = []string{
		"PASS", "PGPASS", "DBPASS", "SSHPASS", "PWD", "AUTH", "AUTHORIZATION", "BEARER", "CREDS", "SIGNATURE", "SIG", "SAS", "DSN", "PAT", "JWT", "OTP", "COOKIE",
	}
	secretPairs = []string{"CONNECTION STRING", "CONN STRING", "CONN STR"}
	secretKeys  = []string{"PRIVATE", "API", "APP", "ACCESS", "ACCOUNT", "CLIENT", "ENCRYPTION", "SIGNING", "MASTER", "SHARED", "STORAGE", "LICENSE", "SSH", "GPG", "DEPLOY", "HMAC"}

	// aboutWords end names of what is told about a secret: where it is, how
	// long it lives.
	aboutWords = []string{
		"ACCOUNT", "ARN", "DIR", "DOMAIN", "ENABLED", "EXPIRY", "FILE", "HOST", "ISSUER", "LENGTH", "METHOD", "MODE", "NAME", "PATH", "PORT",
		"PROVIDER", "REALM", "REGION", "SCOPE", "SCOPES", "SOCK", "TIMEOUT", "TTL", "TYPE", "VERSION",
	}

	// ofTheBuild says nothing secret, whatever its names say: the branch and the
	// ParseCommit of the event that started a build, and the folders of a shell.
	ofTheBuild = lazyregexp.New(`^(CODEBUILD_WEBHOOK_.*|PWD|OLDPWD)$`)
)

// Says tells whether the name of a variable, or of a parameter in a URL,
// says that nobody should see the value.
func Says(name string) bool {
	upper := strings.ToUpper(name)
	if ofTheBuild.MatchString(upper) {
		return false
	}
	if strings.Contains(upper, "WEBHOOK") {
		return true // whatever of it: a host, a path
	}
	words := strings.FieldsFunc(upper, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') })
	if len(words) == 0 || slices.Contains(aboutWords, words[len(words)-1]) {
		return false
	}
	for i, word := range words {
		var before string
		if i > 0 {
			before = words[i-1]
		}
		switch {
		case slices.ContainsFunc(secretFragments, func(f string) bool { return strings.Contains(word, f) }),
			slices.Contains(secretWords, word),
			slices.Contains(secretPairs, before+" "+word), word == "CONNECTIONSTRING",
			(word == "KEY" || word == "KEYS") && slices.Contains(secretKeys, before):
			return true
		}
	}
	return false
}

// In are the values among NAME=value pairs that are secrets by their
// name, and what is secret in the URLs and the JSON among them.
func In(pairs []string) []string {
	var secrets []string
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if Says(name) && !isFile(value) {
			secrets = append(secrets, value)
		}
		for _, info := range UserInfos(value) {
			secrets = append(secrets, secretsOfUserInfo(info)...)
		}
		if at := strings.LastIndexByte(value, '@'); at > 0 && !strings.Contains(value, "//") && strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			secrets = append(secrets, secretsOfUserInfo(value[:at])...) // a proxy may do without its scheme
		}
		for _, match := range urlParameter.FindAllStringSubmatch(value, -1) {
			if Says(match[1]) {
				secrets = append(secrets, match[2], unescaped(match[2]))
			}
		}
		var document any // Secrets Manager gives one where no key of it is named
		if strings.HasPrefix(strings.TrimSpace(value), "{") && json.Unmarshal([]byte(value), &document) == nil {
			secrets = append(secrets, secretsInJSON("", document)...)
		}
	}
	return secrets
}

// secretsInJSON are the strings of a document whose keys say secret.
func secretsInJSON(key string, value any) []string {
	var secrets []string
	switch value := value.(type) {
	case string:
		return In([]string{key + "=" + value})
	case map[string]any:
		for key, value := range value {
			secrets = append(secrets, secretsInJSON(strings.ReplaceAll(key, "=", "_"), value)...)
		}
	case []any:
		for _, value := range value {
			secrets = append(secrets, secretsInJSON(key, value)...)
		}
	}
	return secrets
}

// isFile tells a path, which PWD in a name may mean as well, from a password.
func isFile(value string) bool {
	if !filepath.IsAbs(value) {
		return false
	}
	_, err := os.Stat(value)
	return err == nil
}

// OnCommandLine are those that somebody gave as arguments, rightly in the
// URL of a flag or wrongly: an error must not repeat them.
func OnCommandLine(args []string) []string {
	secrets := In(args)
	for _, arg := range args {
		secrets = append(secrets, In([]string{"=" + arg})...)
	}
	return secrets
}

// urlParameter is one of the query of a URL: ?name=value or &name=value.
var urlParameter = lazyregexp.New(`[?&]([\w.-]+)=([^&\s"'#]+)`)

// authority is what begins like the authority of a URL, up to white space, and the scheme.
var authority = lazyregexp.New(`([A-Za-z][A-Za-z0-9+.-]*:)?//(\S*)`)

// Port is what may stand before the first slash of a URL in the place of a password.
var Port = lazyregexp.New(`^[^:@/]*:[0-9]{1,5}/`)

// UserInfos are what stands before the @ in the URLs of a value, well written
// or not. In a password that was not escaped there may be a slash or an @, so
// that there may be several readings, and all are given.
func UserInfos(value string) []string {
	var infos []string
	for _, match := range authority.FindAllStringSubmatch(value, -1) {
		scheme, rest := strings.ToLower(match[1]), match[2]
		if i := strings.Index(rest, "//"); i >= 0 { // perhaps the next URL
			infos = append(infos, UserInfos(rest[i:])...)
		}
		if strings.HasPrefix(value, "codecommit:") && !strings.Contains(rest, ":") {
			continue // a profile, which is a name
		}
		for i := range len(rest) {
			if rest[i] != '@' {
				continue
			}
			info := rest[:i]
			slash := strings.IndexByte(info, '/')
			if strings.Contains(info, "://") || slash >= 0 && (!strings.Contains(info[:slash], ":") || Port.MatchString(info)) {
				break // of the next URL, or in the path
			}
			if strings.Contains(info, ":") || !strings.HasSuffix(scheme, "ssh:") {
				infos = append(infos, info)
			}
		}
	}
	return infos
}

// userName is how people and services are called, which is no token: a token
// that is given as the user's name has digits or capitals, or is longer.
var userName = lazyregexp.New(`^[a-z][a-z._-]{0,19}$`)

// secretsOfUserInfo are the password, and the user where that is a token; each
// as it is written and as it is meant.
func secretsOfUserInfo(info string) []string {
	user, password, both := strings.Cut(info, ":")
	var secrets []string
	if both {
		secrets = append(secrets, info, password, unescaped(password))
	}
	// TOKEN@host, TOKEN:@host, TOKEN:x@host, TOKEN:x-oauth-basic@host
	if (len(password) < 6 || password == "x-oauth-basic") && !userName.MatchString(user) {
		secrets = append(secrets, user, unescaped(user))
	}
	return secrets
}

// unescaped is a text without its percent signs, or "" if it cannot be read.
func unescaped(text string) string {
	plain, err := url.PathUnescape(text)
	if err != nil {
		return ""
	}
	return plain
}
