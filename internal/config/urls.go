package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"spa-runner/internal/gitclone"
	"spa-runner/internal/lazyregexp"
	"spa-runner/internal/secretname"
)

// scpLike is the short form of an ssh URL, user@host:path.
var scpLike = lazyregexp.New(`^[^/\s]+@[^/\s:]+:`)

func checkGitURL(value string) error {
	switch {
	case strings.ContainsAny(value, " \t\r\n"):
		return errors.New("it has white space in it")
	case strings.HasPrefix(value, "-"):
		return errors.New("it begins with a dash, which is an option and not a URL")
	case scpLike.MatchString(value), strings.HasPrefix(value, "ssh://"), strings.HasPrefix(value, "git://"):
		return errors.New("ssh and git URLs are not supported: write https://HOST/OWNER/NAME.git, with a token in a variable if it is private")
	case !strings.Contains(value, "://"):
		if info, err := os.Stat(value); err != nil || !info.IsDir() {
			return errors.New("it is no URL, and there is no such folder: write https://HOST/OWNER/NAME.git, or the path of a repository")
		}
		return nil
	}
	u, err := url.Parse(value)
	if err != nil {
		return errors.New("it is not a URL")
	}
	if !slices.Contains([]string{"https", "http", "file"}, u.Scheme) {
		return fmt.Errorf("%s:// is not supported: write https://HOST/OWNER/NAME.git", u.Scheme)
	}
	if u.Scheme != "file" && (u.Host == "" || strings.Trim(u.Path, "/") == "") {
		return errors.New("it names no repository: write https://HOST/OWNER/NAME.git")
	}
	return nil
}

// serverOf is the part of a URL that a token belongs to.
func serverOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "a local folder"
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// inClearText says that a URL leads over the network without encryption.
func inClearText(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// WithoutPassword is a URL as children may have it.
func WithoutPassword(raw string) string {
	if strings.HasPrefix(raw, "codecommit:") {
		return raw
	}
	u, err := url.Parse(raw)
	infos := secretname.UserInfos(raw)
	switch {
	case err != nil, len(infos) > 1, u.User == nil && len(infos) == 1, strings.ContainsAny(raw, " \t\r\n\f"):
		return gitclone.DisplayURL(raw) // what was not escaped may look like a port, a host or two words
	case u.User == nil:
		return raw
	}
	u.User = nil
	return u.String()
}

// ShownURL is the URL of a repository as people may see it, whatever it is.
func ShownURL(raw string) string { return WithoutUserInfo(gitclone.DisplayURL(raw)) }

// WithoutUserInfo takes out of a value that should be a URL, but may be anything,
// what could be a password: everything before an @.
func WithoutUserInfo(value string) string {
	if i := strings.LastIndexByte(value, '@'); i >= 0 && strings.Contains(value[:i], ":") {
		return "***" + value[i:]
	}
	return value
}
