package codecommit

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"spa-runner/internal/awsname"
	"spa-runner/internal/lazyregexp"
)

// The hosts of git on CodeCommit: https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html, and for VPC
// endpoints, with or without a zone in the first label,
// https://docs.aws.amazon.com/codecommit/latest/userguide/codecommit-and-interface-VPC.html
var gitHost = lazyregexp.New(`^(vpce-[0-9a-z-]+\.)?git-codecommit(?:-fips)?\.([a-z0-9-]+)\.(vpce\.)?([a-z.-]+)$`)

// regionOfHost gives the region of one of AWS's own hosts, in lower case and without a port. It is the one place that
// decides who is sent a signature, so that the domain must be the very one of the region's partition.
func regionOfHost(host string) (string, error) {
	m := gitHost.FindStringSubmatch(host)
	if m == nil || (m[1] == "") != (m[3] == "") {
		if strings.HasPrefix(host, "codecommit") {
			return "", fmt.Errorf("%s is a host of CodeCommit's API; that of git begins with git-codecommit", host)
		}
		return "", fmt.Errorf("%q is no host of CodeCommit, which are git-codecommit.REGION.amazonaws.com and those of VPC endpoints; for one of your own set CODE_COMMIT_ENDPOINT", host)
	}
	region, suffix := m[2], m[4]
	if err := awsname.Region(region); err != nil {
		return "", fmt.Errorf("the host %s names no region: %w", host, err)
	}
	if want := awsname.DNSSuffix(region); suffix != want {
		return "", fmt.Errorf("the host %s is not CodeCommit's: in %s it ends in %s", host, region, want)
	}
	return region, nil
}

var (
	gitLabel     = lazyregexp.New(`(^|\.)git-codecommit(-fips)?\.`)
	awsHost      = lazyregexp.New(`(^|\.)(git-)?codecommit(-fips)?\..*amazonaws`)
	schemePrefix = lazyregexp.New(`^[a-z][a-z0-9+.-]*://`)
)

// isGitHost says whether the host of s, which is in lower case, looks like CodeCommit. A folder may have such a name too:
// without a scheme it takes the domain as well.
func isGitHost(s string) bool {
	scheme := schemePrefix.FindString(s)
	host, _, _ := strings.Cut(s[len(scheme):], "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	host, _, _ = strings.Cut(host, ":")
	return awsHost.MatchString(host) || scheme != "" && gitLabel.MatchString(host)
}

// endpointHost is stricter than a host may be: a name or an IPv4 address. The host is signed without its port, which
// the official helpers cut off at the first colon, so that an IPv6 address cannot be signed.
var endpointHost = lazyregexp.New(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// parseEndpoint reads CODE_COMMIT_ENDPOINT; nil is none.
func parseEndpoint(s string) (*url.URL, error) {
	if s == "" {
		return nil, nil
	}
	fail := func(why string) (*url.URL, error) {
		return nil, fmt.Errorf("CODE_COMMIT_ENDPOINT is %s: %s; it is a host like git-codecommit.eu-west-1.amazonaws.com, or the URL of a test server like http://127.0.0.1:8080", shown(s), why)
	}
	full := s
	if !strings.Contains(s, "://") {
		full = "https://" + s
	}
	u, err := url.Parse(full)
	if err != nil {
		return fail("not well formed")
	}
	u.Host = strings.ToLower(u.Host)
	host := u.Hostname()
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return fail("not http or https")
	case u.User != nil:
		return fail("there is a user in it")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "", strings.ContainsAny(s, "?#"):
		return fail("it goes on after the host")
	case !endpointHost.MatchString(host):
		return fail("its host is not a name or an IPv4 address")
	case u.Scheme == "http" && !loopback(host):
		return fail("a session token would pass in clear text, write https")
	}
	return &url.URL{Scheme: u.Scheme, Host: withoutDefaultPort(u)}, nil
}

// useEndpoint sends the request to the endpoint, if there is one, and to the region's own host otherwise.
func (p *place) useEndpoint(endpoint *url.URL) error {
	if endpoint == nil {
		if p.server == nil {
			p.server = &url.URL{Scheme: "https", Host: "git-codecommit." + p.region + "." + awsname.DNSSuffix(p.region)}
		}
		return nil
	}
	if region, err := regionOfHost(endpoint.Hostname()); err == nil && region != p.region {
		return fmt.Errorf("it is in region %s, and CODE_COMMIT_ENDPOINT is a host of %s; make them agree", p.region, region)
	}
	if p.server != nil && !sameServer(p.server, endpoint) {
		p.warnings = append(p.warnings, fmt.Sprintf("CODE_COMMIT_ENDPOINT takes the place of its host: %s instead of %s", endpoint.Host, p.server.Host))
	}
	p.server = endpoint
	return nil
}

// sameServer compares scheme, host and port; the second one comes from parseEndpoint or is AWS's own.
func sameServer(u, known *url.URL) bool {
	return strings.EqualFold(u.Scheme, known.Scheme) && withoutDefaultPort(u) == known.Host
}

// withoutDefaultPort is the host and port of a URL as HTTP clients send it.
func withoutDefaultPort(u *url.URL) string {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return host
	}
	return host + ":" + port
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// What messages propose.
const (
	helperForms = "write codecommit::eu-west-1://NAME, or codecommit://NAME for the region in AWS_REGION"
	allForms    = "write codecommit::eu-west-1://NAME or https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/NAME"
)

// Where a region and a name stand in what people have at hand: a clone URL of any scheme, an ARN, a page of the console.
var (
	cloneForm   = lazyregexp.New(`git-codecommit(?:-fips)?\.([a-z0-9-]+)\.(?:vpce\.)?amazonaws\.[a-z.]+(?::\d+)?[/:]+v1/repos/([\w.-]+)`)
	arnForm     = lazyregexp.New(`(?i)^arn:aws[a-z-]*:codecommit:([a-z0-9-]*):[^:]*:([\w.-]*)`)
	consoleForm = lazyregexp.New(`(?i)^https://([a-z0-9-]+)\.console\.[a-z.-]+/codesuite/codecommit/repositories/([\w.-]+)`)
)

// otherNotation recognises the right repository in the wrong notation and says how it is written. Among these is the URL
// that git-remote-codecommit reads as a repository with the name of a host, which ends in a 404 that nobody understands:
// https://github.com/aws/git-remote-codecommit/issues/49
func otherNotation(raw string) error {
	lower := strings.ToLower(raw)
	scheme := schemePrefix.FindString(lower)
	inHelper := strings.HasPrefix(lower, "codecommit:")
	switch {
	case inHelper && !strings.HasPrefix(raw, "codecommit:"):
		return errors.New("the word codecommit is written in lower case")
	case inHelper && (strings.Contains(lower, "git-codecommit.") || strings.Contains(lower, "git-codecommit-fips.") || strings.Count(lower, "://") > 1 || strings.HasPrefix(lower, "codecommit::http")):
		return fmt.Errorf("after codecommit comes the name of a repository and not a URL; %s", proposal(raw))
	case inHelper:
		return nil
	case arnForm.MatchString(raw):
		return fmt.Errorf("an ARN cannot be cloned; %s", proposal(raw))
	case consoleForm.MatchString(raw):
		return fmt.Errorf("a page of the console cannot be cloned; %s", proposal(raw))
	case scheme == "ssh://":
		return fmt.Errorf("SSH is not supported, no key is read; %s", proposal(raw))
	case scheme == "":
		return fmt.Errorf("there is no https:// before it; %s", proposal(raw))
	case scheme != "https://" && scheme != "http://":
		return fmt.Errorf("%s is not supported; %s", scheme, proposal(raw))
	}
	return nil
}

// proposal is the end of a message: what to write, with region and name if they were found.
func proposal(raw string) string {
	for _, form := range []*lazyregexp.Regexp{cloneForm, arnForm, consoleForm} {
		m := form.FindStringSubmatch(raw)
		if m == nil {
			continue
		}
		p := place{region: m[1]}
		if awsname.Region(p.region) == nil && p.setName(strings.TrimSuffix(m[2], ".git")) == nil {
			return "write codecommit::" + p.region + "://" + p.name
		}
	}
	return allForms
}

// harmless is what may be shown of the text before an @; anything else there could be a part of a password.
var harmless = lazyregexp.New(`^(?:codecommit:(?::[a-z0-9-]{1,20}:)?|https?:|ssh:)//`)

// shown is a URL as it may be shown: without what stands before the last @ and after the first ?, whether that is user
// info or a password that was not escaped, and in quotes, no longer than a line.
func shown(raw string) string {
	s := raw
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = harmless.FindString(s) + "…" + s[i:]
	}
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i+1] + "…"
	}
	const enough = 200
	if len(s) > enough {
		s = s[:enough] + "…"
	}
	return fmt.Sprintf("%q", s)
}
